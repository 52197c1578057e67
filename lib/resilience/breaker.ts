import { messageOf } from './failures.js';

export interface BreakerOptions {
  /** A probe that takes longer says that the store is still too slow. */
  readonly timeoutMs: number;
  /** How long it waits between probes. */
  readonly probeMs: number;
  /** Asks the node for what a decision needs, by a key of its own. */
  readonly probe: (key: string) => Promise<unknown>;
  readonly onOpen: (reason: string) => void;
  readonly onClose: (openForMs: number) => void;
}

/** A probe that has not ended by then is given up: others may go. */
const PROBE_LIFETIME_MS = 5000;

/** More probes than these under way tell nothing new: a client may queue them all. */
const MOST_PROBES = 2;

/**
 * Knows of one node whether it answers. It opens at the first failure, for whoever asks next should not wait for what
 * is known already. While it is open nobody asks; probes go in the background, so that no request is the one that tries. It
 * closes as soon as one is answered in time.
 */
export class Breaker {
  private openedAt: number | undefined;
  private key = '{probe}';
  private probes = 0;
  private timer: NodeJS.Timeout | undefined;
  private reason = '';
  private isStopped = false;

  constructor(private readonly options: BreakerOptions) {}

  get isOpen(): boolean {
    return this.openedAt !== undefined;
  }

  /** Why it is open. */
  get cause(): string {
    return this.reason;
  }

  /** `key` is one that the node serves: probes ask for it. */
  open(reason: string, key = this.key): void {
    this.key = key;
    if (this.openedAt !== undefined) return;
    this.openedAt = performance.now();
    this.reason = reason;
    if (this.isStopped) return;
    // A process that has nothing else to do should end.
    this.timer = setInterval(() => this.probe(), this.options.probeMs).unref();
    this.options.onOpen(reason);
  }

  /** Something was heard of the node: it may be back. Does nothing while it is closed. */
  recheck(): void {
    if (this.isOpen) this.probe();
  }

  /** For good: what is still under way may open it, and nobody is told of that. */
  stop(): void {
    this.isStopped = true;
    clearInterval(this.timer);
  }

  private probe(): void {
    if (this.probes >= MOST_PROBES || this.isStopped) return;
    this.probes++;
    const sentAt = performance.now();
    let isOver = false;
    const end = () => {
      clearTimeout(timer);
      if (!isOver) this.probes--;
      isOver = true;
    };
    const timer = setTimeout(end, PROBE_LIFETIME_MS).unref();
    this.options.probe(this.key).then(
      () => {
        end();
        this.answered(performance.now() - sentAt);
      },
      (error: unknown) => {
        end();
        this.reason = messageOf(error);
      },
    );
  }

  private answered(tookMs: number): void {
    // What has arrived with it, and was sent before it, is heard first.
    if (tookMs <= this.options.timeoutMs) setImmediate(() => this.close());
    // It has thawed, perhaps: the next one knows.
    else this.recheck();
  }

  private close(): void {
    if (this.openedAt === undefined || this.isStopped) return;
    const openForMs = performance.now() - this.openedAt;
    this.openedAt = undefined;
    clearInterval(this.timer);
    this.options.onClose(openForMs);
  }
}
