// What a taker writes down: a line of JSON for each decision.
import { createWriteStream, type WriteStream } from 'node:fs';

/** Nanoseconds of a clock that all processes of the machine share. */
export const clock = (): bigint => process.hrtime.bigint();

const preemptions = (): number => process.resourceUsage().involuntaryContextSwitches;

/** What is known of a decision when it is asked for. */
export interface Asked {
  readonly policy: string;
  readonly key: string;
  readonly cost: number;
}

export interface Answer {
  readonly allowed: boolean;
  readonly source: string | null;
  readonly delayMs: number;
  readonly retryAfterMs: number | null;
}

/** A request: of one decision, or of several that are made together. Of `plain` nothing is decided. */
export interface Entry {
  readonly via: 'http' | 'service';
  readonly asked: readonly Asked[];
  readonly sent: bigint;
  /** How often the machine had taken the processor away by then. */
  readonly preemptions: number;
}

export interface Outcome {
  readonly status: number | null;
  readonly waitedMs: number;
  readonly answers: readonly Answer[];
  readonly error?: string;
}

const UNKNOWN: Answer = { allowed: false, source: null, delayMs: 0, retryAfterMs: null };

export class Diary {
  private readonly open = new Set<Entry>();
  private readonly file: WriteStream;
  private count = 0;

  constructor(
    path: string,
    private readonly process: string,
  ) {
    this.file = createWriteStream(path);
  }

  /** How many requests wait for their answer. */
  get pending(): number {
    return this.open.size;
  }

  begin(entry: Pick<Entry, 'via' | 'asked'>): Entry {
    const begun = { ...entry, preemptions: preemptions(), sent: clock() };
    this.open.add(begun);
    return begun;
  }

  end(entry: Entry, outcome: Outcome): void {
    const received = clock();
    this.open.delete(entry);
    this.write(entry, received, outcome);
  }

  /** Something that was logged. */
  log(level: string, message: string): void {
    this.line({ process: this.process, log: level, message, at: clock() });
  }

  /** For so long the machine, or something else, has kept this process from its work. */
  stall(from: bigint, until: bigint): void {
    this.line({ process: this.process, stall: { from, until } });
  }

  /** Whatever has no answer by now never gets one. */
  async close(): Promise<void> {
    for (const entry of this.open) this.write(entry, null, { status: null, waitedMs: 0, answers: [] });
    await new Promise<void>((resolve) => this.file.end(resolve));
  }

  private write(
    { via, asked, sent, preemptions: before }: Entry,
    received: bigint | null,
    outcome: Outcome,
  ): void {
    const { status, waitedMs, answers, error } = outcome;
    const request = this.count++;
    const preempted = preemptions() > before;
    const common = {
      process: this.process,
      request,
      via,
      sent,
      received,
      status,
      waitedMs,
      error,
      preempted,
    };
    if (asked.length === 0) this.line({ ...common, policy: 'plain' });
    for (const [i, one] of asked.entries()) this.line({ ...common, ...one, ...(answers[i] ?? UNKNOWN) });
  }

  private line(fields: object): void {
    const text = JSON.stringify(fields, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    this.file.write(`${text}\n`);
  }
}
