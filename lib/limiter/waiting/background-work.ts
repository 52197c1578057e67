import { logFailure } from '../log-failure.js';
import { shuttingDown, type Turns } from './turns.js';
import type { PlaceFor, Retake } from './waiting-room.js';

/** What a process still has to do for a policy and key. The line of all instances is longer: see `peek`. */
export interface WorkProgress {
  /** Tasks whose turn has not come. */
  readonly waiting: number;
  /** Tasks that were started and have not ended. */
  readonly running: number;
  /** Milliseconds until the next of them starts; null where none waits. */
  readonly nextStartMs: number | null;
}

interface Job {
  readonly line: string;
  /** Later where it has moved behind a block. */
  startAt: number;
  running: boolean;
}

/** Tasks that run when their turn has come, with nobody waiting for them. They live in this process only. */
export class BackgroundWork {
  private readonly jobs = new Set<Job>();
  private closing = false;
  /** Called whenever there is one thing less to do, or one to be done later. */
  private onRelief: () => void = () => undefined;

  constructor(private readonly turns: Turns) {}

  /** @throws RateLimitError `SHUTTING_DOWN` once the shutdown has begun */
  assertOpen(): void {
    if (this.closing) throw shuttingDown();
  }

  /** Whatever goes wrong, in the task or with its turn, is reported; and where that goes wrong too, it is logged. */
  start(line: string, place: PlaceFor<unknown>, task: () => unknown, report: (error: unknown) => void): void {
    const job: Job = { line, startAt: place.startAt, running: false };
    this.jobs.add(job);
    void this.work(job, place, task)
      .catch(report)
      .catch(logFailure)
      .finally(() => {
        this.jobs.delete(job);
        this.onRelief();
      });
  }

  progress(line: string): WorkProgress {
    const jobs = [...this.jobs].filter((job) => job.line === line);
    const waiting = jobs.filter(({ running }) => !running);
    const next = waiting.reduce((first, { startAt }) => Math.min(first, startAt), Number.POSITIVE_INFINITY);
    return {
      waiting: waiting.length,
      running: jobs.length - waiting.length,
      nextStartMs: waiting.length === 0 ? null : Math.max(0, Math.ceil(next - performance.now())),
    };
  }

  /**
   * Takes nothing more, and waits for what runs and for the turns that come within this time. The other turns end, and
   * what still runs then is left alone.
   */
  async drain(milliseconds: number): Promise<void> {
    this.closing = true;
    await this.untilDrained(performance.now() + milliseconds);
    this.turns.close();
  }

  private async work(job: Job, place: PlaceFor<unknown>, task: () => unknown): Promise<void> {
    await this.turns.wait({ ...place, retake: place.retake && this.noting(job, place.retake) });
    job.running = true;
    await task();
  }

  private noting(job: Job, retake: Retake): Retake {
    return async (waiter) => {
      const place = await retake(waiter);
      job.startAt = place.startAt;
      this.onRelief();
      return place;
    };
  }

  private isBusyUntil(deadline: number): boolean {
    for (const { running, startAt } of this.jobs) if (running || startAt <= deadline) return true;
    return false;
  }

  private untilDrained(deadline: number): Promise<void> {
    return new Promise((resolve) => {
      let isAsked = false;
      const end = () => {
        this.onRelief = () => undefined;
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, deadline - performance.now());
      const check = () => {
        isAsked = false;
        if (!this.isBusyUntil(deadline)) end();
      };
      // Many may end in one turn of the event loop: one look at the others is enough for them all.
      this.onRelief = () => {
        if (!isAsked) setImmediate(check);
        isAsked = true;
      };
      check();
    });
  }
}
