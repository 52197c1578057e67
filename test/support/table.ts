import { expect } from '@jest/globals';
import { Limiter } from '../../lib/limiter/limiter.js';
import type { Policy } from '../../lib/options/policy.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { KernelStore } from '../../lib/testing/kernel.store.js';
import { ManualClock } from './manual-clock.js';

/** What a table is played on: the bare kernel, and the store that embeds it. */
export const makers: readonly (readonly [string, (clock: ManualClock) => Store])[] = [
  ['kernel', (clock) => new KernelStore(clock.read)],
  ['memory store', (clock) => new MemoryStore({ maxKeys: 100, clock: clock.read })],
];

/** A take of a transaction. Policies of one key share a bucket. */
export interface Ask {
  readonly policy: Policy;
  readonly key?: string;
  readonly cost?: number;
}

/** What is told of one bucket. `ok` is its own verdict; the transaction needs that of all. */
export interface Told {
  readonly ok: boolean;
  /** In ticks, after the transaction. */
  readonly level: number | bigint;
  readonly remaining: number;
  readonly retryAfterMs: number | null;
  readonly resetAfterMs: number;
  readonly delayMs: number;
}

/** A line of a table: at `t` (microseconds), and what it must come to. Without `ask` the table's policy is asked. */
export type Row = Partial<Told> & {
  readonly t: number;
  readonly cost?: number;
  readonly by?: Policy;
  readonly peek?: true;
  /** Gives so many tokens back instead of taking. */
  readonly refund?: number;
};

/** Buckets over a clock that each call sets. */
export class Table {
  private readonly clock = new ManualClock(0);
  private readonly limiter: Limiter;

  constructor(make: (clock: ManualClock) => Store) {
    this.limiter = new Limiter(make(this.clock));
  }

  /** One transaction. */
  async take(t: number, asks: readonly Ask[], { peek = false } = {}): Promise<Told[]> {
    this.clock.now = t;
    const charges = asks.map(({ policy, key = 'key', cost = 1 }) => ({
      placed: { id: 'p', policy },
      key,
      cost,
    }));
    const { outcomes } = await this.limiter.decide(charges, { peek });
    return outcomes.map(
      ({ level, decision: { allowed, remaining, retryAfterMs, resetAfterMs, delayMs } }) => {
        return { ok: allowed, level, remaining, retryAfterMs, resetAfterMs, delayMs };
      },
    );
  }

  async refund(t: number, policy: Policy, cost: number): Promise<boolean> {
    this.clock.now = t;
    return this.limiter.refund({ placed: { id: 'p', policy }, key: 'key', cost });
  }

  /** Plays the rows one after another; the first that comes to something else fails with its number. */
  async play(policy: Policy, rows: readonly Row[]): Promise<void> {
    for (const [index, { t, cost = 1, by = policy, peek = false, refund, ...expected }] of rows.entries()) {
      if (refund === undefined) {
        const [told] = await this.take(t, [{ policy: by, cost }], { peek });
        expect({ row: index, ...told }).toMatchObject({ row: index, ...expected });
      } else {
        expect({ row: index, ok: await this.refund(t, by, refund) }).toEqual({ row: index, ...expected });
      }
    }
  }
}
