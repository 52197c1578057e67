import { beforeEach, describe, expect, it } from '@jest/globals';
import { changesOf, decide } from '../../../lib/algorithms/kernel.js';
import type { Patience } from '../../../lib/algorithms/limit.js';
import { type BucketRecord, isPromised, rebase } from '../../../lib/algorithms/record.js';
import { tokenBucketAlgorithm } from '../../../lib/algorithms/token-bucket.js';
import { Limiter } from '../../../lib/limiter/limiter.js';
import { leakyBucket, tokenBucket } from '../../../lib/options/make-policy.js';
import type { Policy } from '../../../lib/options/policy.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { Store } from '../../../lib/stores/store.interface.js';
import { ManualClock } from '../../support/manual-clock.js';
import { makers } from '../../support/table.js';

const S = 1_000_000;

/** A line of a table: at `t` (microseconds) somebody acquires, or consumes, or gives back; what it must come to. */
type Row = { readonly t: number; readonly cost?: number } & (
  | { readonly acquire: Patience; readonly startsAt: number | 'never' }
  | { readonly consume: boolean; readonly remaining?: number; readonly retryAfterMs?: number | null }
  | { readonly refund: boolean }
);

/** Waits as long as it must, up to the default, and up to so many milliseconds. */
const patient: Patience = {};
const upTo = (ms: number): Patience => ({ maxWaitMicros: ms * 1000 });

class Bucket {
  readonly clock = new ManualClock(0);
  readonly store: Store;
  private readonly limiter: Limiter;

  constructor(
    make: (clock: ManualClock) => Store,
    private readonly policy: Policy,
  ) {
    this.store = make(this.clock);
    this.limiter = new Limiter(this.store);
  }

  decide(t: number, cost: number, patience?: Patience) {
    this.clock.now = t;
    return this.limiter.decide([{ ...this.charge(cost), ...(patience ? { patience } : {}) }]);
  }

  async refund(t: number, cost: number): Promise<boolean> {
    this.clock.now = t;
    return this.limiter.refund(this.charge(cost));
  }

  async play(rows: readonly Row[]): Promise<void> {
    for (const [index, row] of rows.entries()) {
      const { t: _time, cost: _cost, ...expected } = row;
      expect({ row: index, ...(await this.tell(row)) }).toMatchObject({ row: index, ...expected });
    }
  }

  private async tell(row: Row): Promise<object> {
    const { t, cost = 1 } = row;
    if ('refund' in row) return { refund: await this.refund(t, cost) };
    const { admitted, waitMs, outcomes } = await this.decide(
      t,
      cost,
      'acquire' in row ? row.acquire : undefined,
    );
    const { remaining, retryAfterMs, delayMs } = outcomes[0]!.decision;
    if ('consume' in row) return { consume: admitted, remaining, retryAfterMs };
    expect(delayMs).toBe(Math.ceil(waitMs));
    return { acquire: row.acquire, startsAt: admitted ? t + Math.round(waitMs * 1000) : 'never' };
  }

  private charge(cost: number) {
    return { placed: { id: 'p', policy: this.policy }, key: 'key', cost };
  }
}

const tables: [string, Policy, Row[]][] = [
  [
    'starts at once while there are tokens, then one by one',
    tokenBucket({ capacity: 2, rate: '10/s' }),
    [
      { t: 0, acquire: patient, startsAt: 0 },
      { t: 0, acquire: patient, startsAt: 0 },
      { t: 0, acquire: patient, startsAt: 100_000 },
      { t: 0, acquire: patient, startsAt: 200_000 },
      { t: 50_000, acquire: upTo(1000), startsAt: 300_000 },
    ],
  ],
  [
    'starts when the excess of its cost has drained',
    tokenBucket({ capacity: 10, rate: '1/s' }),
    [
      { t: 0, cost: 7, acquire: patient, startsAt: 0 },
      { t: 0, cost: 5, acquire: patient, startsAt: 2 * S },
      { t: 0, cost: 1, acquire: patient, startsAt: 3 * S },
      { t: S, cost: 7, acquire: patient, startsAt: 10 * S },
    ],
  ],
  [
    'starts no fraction of a microsecond early, and loses none either',
    tokenBucket({ capacity: 1, rate: '3/s' }),
    [
      { t: 0, acquire: upTo(2000), startsAt: 0 },
      { t: 0, acquire: upTo(2000), startsAt: 333_334 },
      { t: 0, acquire: upTo(2000), startsAt: 666_667 },
      { t: 0, acquire: upTo(2000), startsAt: S },
      { t: 0, acquire: upTo(2000), startsAt: 1_333_334 },
    ],
  ],
  [
    'is overtaken by nobody: whoever does not wait is refused until the last has started',
    tokenBucket({ capacity: 2, rate: '1/s' }),
    [
      { t: 0, cost: 2, consume: true, remaining: 0 },
      { t: 0, acquire: patient, startsAt: S },
      { t: 0, consume: false, remaining: 0, retryAfterMs: 2000 },
      { t: 0, cost: 0, consume: false, remaining: 0, retryAfterMs: 1000 },
      { t: S - 1, consume: false, remaining: 0, retryAfterMs: 1001 },
      { t: S - 1, cost: 0, consume: false, remaining: 0, retryAfterMs: 1 },
      { t: S, cost: 0, consume: true, remaining: 0 },
      { t: S, consume: false, remaining: 0, retryAfterMs: 1000 },
      { t: 2 * S, consume: true, remaining: 0 },
    ],
  ],
  [
    'leaves small takes no way past a large one',
    tokenBucket({ capacity: 10, rate: '1/s' }),
    [
      { t: 0, cost: 3, consume: true, remaining: 7 },
      { t: 0, cost: 10, acquire: patient, startsAt: 3 * S },
      { t: 0, cost: 1, consume: false, remaining: 0, retryAfterMs: 4000 },
      { t: 3 * S, cost: 1, consume: false, remaining: 0, retryAfterMs: 1000 },
      { t: 5 * S, cost: 2, consume: true, remaining: 0 },
    ],
  ],
  [
    'waits at most as long as the whole bucket takes to fill, if nothing is said',
    tokenBucket({ capacity: 3, rate: '1/s' }),
    [
      { t: 0, cost: 3, acquire: patient, startsAt: 0 },
      { t: 0, cost: 3, acquire: patient, startsAt: 3 * S },
      { t: 0, acquire: patient, startsAt: 'never' },
      { t: S - 1, acquire: patient, startsAt: 'never' },
      { t: S, acquire: patient, startsAt: 4 * S },
    ],
  ],
  [
    'waits exactly as long as it may, and no microsecond longer',
    tokenBucket({ capacity: 1, rate: '1/s' }),
    [
      { t: 0, acquire: upTo(0), startsAt: 0 },
      { t: 0, acquire: upTo(0), startsAt: 'never' },
      { t: 0, acquire: upTo(999), startsAt: 'never' },
      { t: 0, acquire: upTo(1000), startsAt: S },
      { t: 1, acquire: { maxWaitMicros: 2 * S - 2 }, startsAt: 'never' },
      { t: 1, acquire: { maxWaitMicros: 2 * S - 1 }, startsAt: 2 * S },
    ],
  ],
  [
    'may wait longer than the bucket takes to fill, where that is said',
    tokenBucket({ capacity: 1, rate: '1/s' }),
    [
      { t: 0, acquire: upTo(10_000), startsAt: 0 },
      { t: 0, acquire: upTo(10_000), startsAt: S },
      { t: 0, acquire: upTo(10_000), startsAt: 2 * S },
      { t: 0, acquire: patient, startsAt: 'never' },
      { t: 0, acquire: upTo(10_000), startsAt: 3 * S },
    ],
  ],
  [
    'that is refused writes nothing',
    tokenBucket({ capacity: 1, rate: '1/s' }),
    [
      { t: 0, consume: true },
      { t: 0.5 * S, acquire: upTo(100), startsAt: 'never' },
      { t: 0.5 * S, acquire: upTo(499), startsAt: 'never' },
      { t: S, consume: true },
    ],
  ],
  [
    'never starts where the cost is above capacity, however long it may wait',
    tokenBucket({ capacity: 2, rate: '1/s' }),
    [
      { t: 0, cost: 3, acquire: patient, startsAt: 'never' },
      { t: 0, cost: 3, acquire: upTo(1e9), startsAt: 'never' },
      { t: 0, cost: 2 ** 53 - 1, acquire: upTo(Number.MAX_SAFE_INTEGER / 1000), startsAt: 'never' },
      { t: 0, cost: 2, consume: true },
    ],
  ],
  [
    'of cost 0 waits for the others and takes nothing',
    tokenBucket({ capacity: 1, rate: '1/s' }),
    [
      { t: 0, cost: 0, acquire: patient, startsAt: 0 },
      { t: 0, acquire: patient, startsAt: 0 },
      { t: 0, cost: 0, acquire: patient, startsAt: 0 },
      { t: 0, acquire: patient, startsAt: S },
      { t: 0, cost: 0, acquire: patient, startsAt: S },
      { t: 0, acquire: upTo(2000), startsAt: 2 * S },
    ],
  ],
  [
    'of a leaky bucket takes the next slot, up to its own bound',
    leakyBucket({ capacity: 10, rate: '1/s', maxWaitMs: 3000 }),
    [
      { t: 0, acquire: patient, startsAt: 0 },
      { t: 0, acquire: upTo(1000), startsAt: S },
      { t: 0, acquire: upTo(1000), startsAt: 'never' },
      { t: 0, acquire: patient, startsAt: 2 * S },
      { t: 0, acquire: upTo(10_000), startsAt: 3 * S },
      { t: 0, acquire: upTo(10_000), startsAt: 'never' },
    ],
  ],
  [
    'of a leaky bucket that only meters waits for room as at a token bucket',
    leakyBucket({ capacity: 2, rate: '1/s', shape: false }),
    [
      { t: 0, cost: 2, acquire: patient, startsAt: 0 },
      { t: 0, acquire: patient, startsAt: S },
      { t: 0, consume: false, remaining: 0, retryAfterMs: 2000 },
    ],
  ],
];

describe.each(makers)('a caller that waits for tokens on the %s', (_, make) => {
  it.each(tables)('%s', async (_title, policy, rows) => {
    await new Bucket(make, policy).play(rows);
  });
});

/** 2^53 - 1 ticks are what a level may come to; a bound beyond it is cut, not overrun. */
it.each(makers)('a wait that could pass 2^53 ticks is refused on the %s', async (_, make) => {
  const capacity = Math.floor(Number.MAX_SAFE_INTEGER / S);
  const bucket = new Bucket(make, tokenBucket({ capacity, rate: '1/s' }));
  const forever = { maxWaitMicros: Number.MAX_SAFE_INTEGER };
  expect(await bucket.decide(0, capacity, forever)).toMatchObject({ admitted: true, waitMs: 0 });
  expect(await bucket.decide(0, 1, forever)).toMatchObject({ admitted: false });
  expect(await bucket.decide(S, 1, forever)).toMatchObject({ admitted: true, waitMs: 0 });
});

const memory = (clock: ManualClock): Store => new MemoryStore({ maxKeys: 100, clock: clock.read });

describe('tokens given back', () => {
  it('are dropped while somebody waits, for promised starts do not move, and count again from the last start on', async () => {
    await new Bucket(memory, tokenBucket({ capacity: 2, rate: '1/s' })).play([
      { t: 0, cost: 2, consume: true },
      { t: 0, acquire: patient, startsAt: S },
      { t: 0, refund: false },
      { t: 0, acquire: patient, startsAt: 2 * S },
      { t: 2 * S - 1, refund: false },
      { t: 2 * S - 1, cost: 0, consume: false },
      { t: 2 * S, refund: true },
      { t: 2 * S, consume: true, remaining: 0 },
      { t: 2 * S, consume: false, retryAfterMs: 1000 },
    ]);
  });

  it('count where who acquired did not have to wait', async () => {
    await new Bucket(memory, tokenBucket({ capacity: 2, rate: '1/s' })).play([
      { t: 0, cost: 2, acquire: patient, startsAt: 0 },
      { t: 0, refund: true },
      { t: 0, consume: true, remaining: 0 },
    ]);
  });

  it('are dropped though a cost of 0 or a refusal came after who waits', async () => {
    await new Bucket(memory, tokenBucket({ capacity: 1, rate: '1/s' })).play([
      { t: 0, consume: true },
      { t: 0, acquire: patient, startsAt: S },
      { t: 1, consume: false },
      { t: 1, cost: 0, acquire: patient, startsAt: S },
      { t: 1, refund: false },
    ]);
  });

  it('count again once who waited has left', async () => {
    const bucket = new Bucket(memory, tokenBucket({ capacity: 2, rate: '1/s' }));
    await bucket.play([{ t: 0, cost: 2, consume: true }]);
    const { changes } = await bucket.decide(0, 1, patient);
    expect(await bucket.refund(1, 1)).toBe(false);
    expect(await bucket.store.undo(changes)).toBe(1);
    await bucket.play([
      { t: 1, refund: true },
      { t: 1, consume: true },
    ]);
  });

  it('stay dropped when the clock steps back, by as much as the promise then moves', async () => {
    await new Bucket(memory, tokenBucket({ capacity: 1, rate: '1/s' })).play([
      { t: 10 * S, consume: true },
      { t: 10 * S, acquire: patient, startsAt: 11 * S },
      { t: 3 * S, consume: false, retryAfterMs: 2000 },
      { t: 4 * S - 1, refund: false },
      { t: 4 * S, refund: true },
      { t: 4 * S, consume: true },
    ]);
  });
});

describe('a place that is undone', () => {
  let bucket: Bucket;

  beforeEach(() => {
    bucket = new Bucket(memory, tokenBucket({ capacity: 1, rate: '1/s' }));
  });

  const acquire = async (t: number) => (await bucket.decide(t, 1, upTo(60_000))).changes;

  it('makes its predecessor the last, and frees its start for the next', async () => {
    await acquire(0);
    const [second, third] = [await acquire(0), await acquire(0)];
    expect(await bucket.store.undo(second)).toBe(0);
    expect(await bucket.store.undo([...third, ...second])).toBe(2);
    expect(await bucket.store.undo([...third, ...second])).toBe(0);
    await bucket.play([{ t: 5000, acquire: patient, startsAt: S }]);
  });

  it('as the only one leaves the bucket full', async () => {
    const only = await acquire(0);
    expect(only).toMatchObject([{ before: undefined, after: { level: S, at: 0 } }]);
    expect(await bucket.store.undo(only)).toBe(1);
    await bucket.play([{ t: 0, consume: true }]);
  });

  it('stays where somebody came after it', async () => {
    await acquire(0);
    const second = await acquire(0);
    await acquire(1);
    expect(await bucket.store.undo(second)).toBe(0);
    await bucket.play([{ t: 1, acquire: upTo(60_000), startsAt: 3 * S }]);
  });
});

describe('the last promised start of a record', () => {
  const limit = tokenBucket({ capacity: 3, rate: '1/s' }).limit!;
  const record = { level: 3 * S, at: 10 * S, ...limit.scale, last: 12 * S };
  /** What an admitted take of 1 leaves of a record. */
  function after(patience: Patience | undefined, found: BucketRecord | undefined, now: number) {
    const takes = [tokenBucketAlgorithm(limit, 'key', 1, patience)];
    const [change] = changesOf(takes, [found], decide(takes, [found], {}, now), false, now);
    return change?.after;
  }

  it.each([
    ['stays where the record does', 10 * S, record],
    ['moves back with it', 4 * S, { ...record, at: 4 * S, last: 6 * S }],
    ['does not move forward', 11 * S, record],
  ])('%s', (_, now, expected) => {
    expect(rebase(record, now)).toEqual(expected);
  });

  it.each([
    [12 * S - 1, true],
    [12 * S, false],
    [12 * S + 1, false],
  ])('is ahead at %p: %p', (now, expected) => {
    expect(isPromised(record, now)).toBe(expected);
  });

  it.each([
    ['is noted by who waits', patient, 3 * S, 10 * S, 11 * S],
    ['is not noted by who starts at once', patient, 0, 10 * S, undefined],
    ['is not noted by who does not wait', undefined, 0, 10 * S, undefined],
  ])('%s', (_, patience, level, now, last) => {
    expect(after(patience, level === 0 ? undefined : { ...record, level, last: 0 }, now)?.last).toBe(last);
  });

  it('is kept while it lies ahead, and is never earlier than one before', () => {
    const promised = { ...record, level: S, last: 15 * S };
    expect(after(undefined, promised, 10.5 * S)?.last).toBe(15 * S);
    expect(after(undefined, promised, 15 * S)?.last).toBeUndefined();
    expect(after(patient, promised, 10 * S)?.last).toBe(15 * S);
  });
});
