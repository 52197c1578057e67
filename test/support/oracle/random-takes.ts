import { algorithms } from '../../../lib/algorithms/index.js';
import type { Take } from '../../../lib/algorithms/kernel.js';
import type { Limit, Patience } from '../../../lib/algorithms/limit.js';
import { leakyBucket, tokenBucket } from '../../../lib/options/make-policy.js';
import type {
  Store,
  StoreState,
  Transaction,
  TransactionReply,
} from '../../../lib/stores/store.interface.js';
import { decidePlainly } from '../plain-call.js';
import type { Random } from './scenario.js';

/** The same buckets under limits that differ in all ways: capacity, rate of the same ticks, other ticks, faster, shaping. */
const LIMITS: readonly Limit[] = [
  tokenBucket({ capacity: 20, rate: '5/s' }),
  tokenBucket({ capacity: 7, rate: '5/s' }),
  tokenBucket({ capacity: 20, rate: '15/s' }),
  tokenBucket({ capacity: 20, rate: '7/3s' }),
  tokenBucket({ capacity: 2 ** 33, rate: '1/s' }),
  leakyBucket({ capacity: 20, rate: '5/s' }),
].map(({ limit }) => limit as Limit);

/** How many takes of a round are of its usual limit: a batch in which a bucket is of two scales is no lean one. */
const USUAL = 0.98;

/** Something that a store is asked to do, and what it answers, as a text. */
export interface Ask {
  readonly name: string;
  act(store: Store): Promise<string>;
}

/** Random calls about few buckets. The ids that they use are unique to a run. */
export class RandomTakes {
  private ids = 0;
  private usual = LIMITS[0] as Limit;
  private readonly reservations: { key: string; id: string }[] = [];

  constructor(
    private readonly random: Random,
    readonly keys: readonly string[],
  ) {}

  /** The limits of a round are others than those that have written some of the records. */
  nextRound(): void {
    this.usual = LIMITS[this.random.chance(0.6) ? 0 : this.random.below(5)] as Limit;
  }

  /** Mostly decisions; where `isMixed`, also those that no lean script can decide, and all else that changes a bucket. */
  next(isMixed: boolean): Ask {
    const { random } = this;
    if (isMixed && random.chance(0.12)) return this.other();
    if (random.chance(0.5)) return this.plainCall();
    const transactions = Array.from({ length: random.chance(0.1) ? 2 : 1 }, () => this.transaction(isMixed));
    return {
      name: `decide ${show(transactions)}`,
      act: async (store) => show((await store.decide(transactions)).map(told)),
    };
  }

  /** What nearly all decisions are: one or several takes, asked for by themselves, where a store has a way for that. */
  private plainCall(): Ask {
    const { random } = this;
    const keys = random.chance(0.5) ? this.someKeys() : [random.pick(this.keys)];
    const [takes, counted] = [keys.map((key) => this.take(key)), random.chance(0.2)];
    return {
      name: `decide plainly ${show({ takes, counted })}`,
      act: async (store) => show(told(await decidePlainly(store, takes, counted))),
    };
  }

  private transaction(isMixed: boolean): Transaction {
    const { random } = this;
    const isStack = random.chance(0.3);
    const keys = isStack ? this.someKeys() : [random.pick(this.keys)];
    const peek = random.chance(0.1);
    const counted = random.chance(0.2);
    if (!isMixed || random.chance(0.7)) return { takes: keys.map((key) => this.take(key)), peek, counted };
    const patience = random.chance(0.3) ? {} : undefined;
    const pick = random.chance(0.2) ? { prefer: random.below(keys.length) } : undefined;
    const takes = keys.map((key) => this.mixedTake(key, patience, !peek && pick === undefined));
    return { takes, peek, counted, revocable: random.chance(0.5), ...(pick === undefined ? {} : { pick }) };
  }

  private take(key: string): Take {
    const { random } = this;
    const limit = random.chance(USUAL) ? this.usual : (LIMITS[random.below(5)] as Limit);
    const cost = random.chance(0.6)
      ? 1
      : random.below(limit.capacity > 100 ? 2 ** 33 + 2 : limit.capacity + 3);
    return algorithms['token-bucket'](limit, key, cost);
  }

  private mixedTake(key: string, patience: Patience | undefined, mayReserve: boolean): Take {
    const { random } = this;
    const limit = random.pick(LIMITS);
    const take = algorithms[limit.algorithm](limit, key, random.below(5), patience);
    if (!mayReserve || !random.chance(0.3)) return take;
    const id = `id-${++this.ids}`;
    this.reservations.push({ key, id });
    return { ...take, reserve: { id, ttlMicros: 5_000_000 } };
  }

  private other(): Ask {
    const { random } = this;
    const key = random.pick(this.keys);
    const { scale, capacity } = LIMITS[0] as Limit;
    const cost = random.below(5);
    const { id, key: of } = random.pick(this.reservations) ?? { id: 'none', key };
    const block = random.chance(0.5) ? random.below(3_000_000) : 0;
    const report = { scale, missing: random.below(20), mark: undefined, lowers: random.chance(0.5), block };
    const lease = {
      id: `lease-${random.below(3)}`,
      total: random.below(5),
      wanted: random.below(6),
      scale,
      capacity,
    };
    const settled = { id, cost, maxDebt: random.chance(0.5) ? 10 : undefined, lowers: true };
    const state = ({ found, now }: StoreState) => ({ found, now });
    return random.pick<Ask>([
      { name: `refund ${key} ${cost}`, act: async (store) => show(await store.refund(key, cost)) },
      { name: `settle ${of} ${show(settled)}`, act: async (store) => show(await store.settle(of, settled)) },
      {
        name: `report ${key} ${show(report)}`,
        act: async (store) => show(state(await store.report(key, report))),
      },
      { name: `unblock ${key}`, act: async (store) => show(await store.unblock(key)) },
      // One that is full again may still lie in the store, or not.
      { name: `reset ${key}`, act: async (store) => show(void (await store.reset(key))) },
      {
        name: `lease ${key} ${show(lease)}`,
        act: async (store) => show(state(await store.lease!(key, { ...lease, ttlMicros: 2_000_000 }))),
      },
    ]);
  }

  private someKeys(): string[] {
    const first = this.random.below(this.keys.length);
    const count = Math.min(2 + this.random.below(3), this.keys.length);
    return Array.from({ length: count }, (_, i) => this.keys[(first + i) % this.keys.length] as string);
  }
}

/** What both stores must agree on: of a mark, only what marks are compared by. */
const told = ({ admitted, now, found, charged, changes, marks }: TransactionReply) => ({
  admitted,
  now,
  found,
  charged,
  changes,
  marks: marks.map((mark) => mark && { since: mark.since, sent: mark.sent }),
});

/** Equal where two values are: keys in order, what is undefined left out. */
export function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, field) => {
      if (typeof field === 'bigint') return `${field}n`;
      if (typeof field !== 'object' || field === null || Array.isArray(field)) return field;
      return Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)));
    }) ?? 'undefined'
  );
}
