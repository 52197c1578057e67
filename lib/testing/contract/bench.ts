import { AssertionError } from 'node:assert';
import { isDeepStrictEqual } from 'node:util';
import { algorithms } from '../../algorithms/index.js';
import type { Take } from '../../algorithms/kernel.js';
import type { Limit, Patience } from '../../algorithms/limit.js';
import { type BucketRecord, type Mark, recordOf } from '../../algorithms/record.js';
import type { Report } from '../../algorithms/report.js';
import type { Awaitable } from '../../common/awaitable.js';
import { leakyBucket, tokenBucket } from '../../options/make-policy.js';
import type { Store, StoreState, Transaction, TransactionReply } from '../../stores/store.interface.js';

export const SECOND = 1_000_000;
/** In the year 2096, so that what a store lets expire by its real time is not due. */
export const START = 4_000_000_000_000_000;

/** Makes an empty store whose time, in microseconds, is that of a clock. */
export type CreateStore = (clock: () => number) => Awaitable<Store>;

export const token = (capacity: number, rate: number | string): Limit =>
  tokenBucket({ capacity, rate }).limit as Limit;
export const line = (capacity: number, rate: number | string): Limit =>
  leakyBucket({ capacity, rate }).limit as Limit;

/** All in one slot of a cluster, as the buckets of one key are. */
export const bucket = (name: string): string => `${name}:{contract}`;

export function take(limit: Limit, name: string, cost = 1, patience?: Patience): Take {
  return algorithms[limit.algorithm](limit, bucket(name), cost, patience);
}

/** A store with a clock that a case moves. */
export class Bench {
  private constructor(
    readonly store: Store,
    private readonly clock: { now: number },
  ) {}

  static async open(create: CreateStore): Promise<Bench> {
    const clock = { now: START };
    return new Bench(await create(() => clock.now), clock);
  }

  get now(): number {
    return this.clock.now;
  }

  /** Moves the clock, back too. */
  move(micros: number): void {
    this.clock.now += micros;
  }

  async decide(takes: readonly Take[], terms: Omit<Transaction, 'takes'> = {}): Promise<TransactionReply> {
    const [reply] = await this.store.decide([{ ...terms, takes }]);
    return reply as TransactionReply;
  }

  /** Whether each of so many takes is admitted, one after another. */
  async admits(times: number, one: Take): Promise<boolean[]> {
    const admitted: boolean[] = [];
    for (let i = 0; i < times; i++) admitted.push((await this.decide([one])).admitted);
    return admitted;
  }

  /** The level that a take finds. */
  async level(limit: Limit, name: string): Promise<number> {
    const { found } = await this.decide([take(limit, name, 0)], { peek: true });
    return Number(found[0]?.level);
  }

  async record(name: string): Promise<BucketRecord | undefined> {
    const [inspection] = await this.store.inspect([bucket(name)]);
    return inspection?.record && recordOf(inspection.record, this.now);
  }

  async report(
    limit: Limit,
    name: string,
    told: Partial<Report> & { mark?: Mark | undefined },
  ): Promise<StoreState> {
    const said = { missing: undefined, mark: undefined, lowers: true, block: 0 };
    return this.store.report(bucket(name), { ...said, scale: limit.scale, ...told });
  }
}

/** @throws AssertionError that says what was to hold; Node shows the difference below it */
export function same(actual: unknown, expected: unknown, rule: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new AssertionError({ message: rule, actual, expected, operator: 'deepStrictEqual' });
}
