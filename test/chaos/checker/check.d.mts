import type { Stall } from './stalls.mjs';

/** A decision as a process has seen it. Times are nanoseconds of a clock that all processes share. */
export interface Seen {
  readonly process: string;
  readonly policy: string;
  readonly key: string;
  readonly cost: number;
  readonly sent: bigint;
  /** `null`: there was no answer. */
  readonly received: bigint | null;
  readonly allowed: boolean;
  readonly source: string | null;
  /** How long it has waited for its turn, of the time until the answer. */
  readonly waitedMs?: number;
  /** For how long of it the process was kept from all work. */
  readonly stalledMs?: number;
  /** Of an answer over HTTP. */
  readonly status: number | null;
  /** What was thrown. */
  readonly error?: string;
}

export interface CheckedPolicy {
  readonly name: string;
  readonly capacity: number;
  /** So many tokens in so many nanoseconds. */
  readonly tokens: bigint;
  readonly perNs: bigint;
  readonly onStoreError: 'memory' | 'allow' | 'deny';
  /** Whether processes take its tokens ahead: what they then admit as the store they need not have asked it for. */
  readonly isLeased?: boolean;
}

export interface Fault {
  readonly name: string;
  readonly from: bigint;
  /** From when on the store answers again. */
  readonly back: bigint;
  /** The keys that it hits; by default all. */
  readonly keys?: readonly string[];
}

export interface History {
  readonly decisions: readonly Seen[];
  readonly policies: readonly CheckedPolicy[];
  /** An answer is due within the deadline; the slack is for a slow machine. */
  readonly deadlineMs: number;
  readonly slackMs: number;
  readonly recoverWithinMs: number;
  /** By how many the limits are divided where a process decides alone. */
  readonly instances?: number;
  readonly faults?: readonly Fault[];
  /** When the store was lost as a whole, and when it began again, empty. */
  readonly restarts?: readonly { readonly from: bigint; readonly back: bigint }[];
  /** What replication has lost of buckets, in ticks. */
  readonly losses?: readonly {
    readonly policy: string;
    readonly key: string;
    readonly ticks: bigint;
    readonly at: bigint;
  }[];
  /** Of each process, in order: when it was kept from all work. */
  readonly stalls?: ReadonlyMap<string, readonly Stall[]>;
  /** Steps of the clock that decides. */
  readonly clockSteps?: readonly { readonly at: bigint; readonly ns: bigint }[];
  /** What buckets that hardly drain were missing, while nobody asked. */
  readonly levels?: readonly {
    readonly policy: string;
    readonly key: string;
    readonly at: bigint;
    readonly tokens: number;
    /** So many takes may have been carried out twice. */
    readonly mayExceed?: number;
  }[];
}

export interface Violation {
  readonly rule: string;
  readonly message: string;
}

export function check(history: History): Violation[];

export interface Beyond {
  readonly ticks: bigint;
  readonly lost: bigint;
  readonly perNs: bigint;
}

/** Of each bucket: by how many ticks its worst window is above its bound, and what replication has lost of it. */
export function beyondBounds(history: History): Beyond[];
/** What each reading of a level should have shown, and how much more it has. */
export function ledgers(history: History): {
  readonly reading: { readonly mayExceed?: number };
  readonly expected: number;
  readonly beyond: number;
}[];
export function answerMs(decision: Seen): number;
/** Of each process: after how many milliseconds a decision of the store is there again, about a key that was hit. */
export function recoveryMs(
  history: Pick<History, 'decisions' | 'policies' | 'stalls'>,
  fault: Fault,
): Map<string, number>;
