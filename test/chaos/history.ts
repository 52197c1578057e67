// What the takers of a run have written down, read again.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Seen } from './checker/check.mjs';
import { type Stall, stalledMs } from './checker/stalls.mjs';

/** A decision, or a request to a route without limits (`plain`), as it was written down. */
export interface Line extends Seen {
  readonly via: 'http' | 'service';
  readonly delayMs: number;
  /** Whether the machine has taken the processor away meanwhile. */
  readonly preempted: boolean;
  stalledMs?: number;
  /** Which request it belongs to: those of a stack share one. */
  readonly request: number;
}

export interface Logged {
  readonly process: string;
  readonly log: string;
  readonly message: string;
  readonly at: bigint;
}

export interface Diaries {
  readonly decisions: Line[];
  /** Requests that no limit has stood in the way of. */
  readonly plain: Line[];
  readonly logs: Logged[];
  /** Of each process, in order. */
  readonly stalls: Map<string, Stall[]>;
}

export async function readDiaries(files: readonly string[]): Promise<Diaries> {
  const found: Diaries = { decisions: [], plain: [], logs: [], stalls: new Map() };
  for (const file of files) {
    for await (const text of createInterface({ input: createReadStream(file) })) {
      sort(JSON.parse(text), found);
    }
  }
  for (const line of [...found.decisions, ...found.plain]) {
    const { process, sent, received } = line;
    if (received !== null) line.stalledMs = stalledMs(found.stalls.get(process) ?? [], sent, received);
  }
  return found;
}

function sort(line: Record<string, never>, { decisions, plain, logs, stalls }: Diaries): void {
  const { process, log, stall, policy } = line;
  if (log) logs.push({ ...line, at: BigInt(line.at!) } as unknown as Logged);
  else if (stall) add(stalls, process!, stall);
  else (policy === 'plain' ? plain : decisions).push(timed(line as unknown as Written));
}

function add(
  stalls: Map<string, Stall[]>,
  process: string,
  { from, until }: Record<keyof Stall, string>,
): void {
  if (!stalls.has(process)) stalls.set(process, []);
  stalls.get(process)!.push({ from: BigInt(from), until: BigInt(until) });
}

type Written = Omit<Line, 'sent' | 'received'> & { sent: string; received: string | null };

const timed = (line: Written): Line => ({
  ...line,
  sent: BigInt(line.sent),
  received: line.received === null ? null : BigInt(line.received),
});
