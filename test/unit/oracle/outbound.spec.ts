import { describe, expect, it } from '@jest/globals';
import { FOREVER, MAX } from '../../support/oracle/bucket-record.js';
import type { OraclePolicy } from '../../support/oracle/oracle.js';
import { type OutboundDecision, OutboundModel, type OutboundOptions } from '../../support/oracle/outbound.js';
import type { Patience } from '../../support/oracle/outbound-entry.js';
import type { Report } from '../../support/oracle/outbound-sync.js';
import { oracleRate } from '../../support/oracle/rate.js';

const SECOND = 1_000_000n;

function policy(capacity: number, rate: string, more: Partial<OraclePolicy> = {}): OraclePolicy {
  const parsed = oracleRate(rate, capacity);
  if (typeof parsed === 'string') throw new Error(`${rate} with ${capacity} is ${parsed}`);
  return { capacity, shapes: false, ...parsed, ...more };
}

// One token is 10^6 ticks, and a microsecond drains one.
const ten = policy(10, '1/s');
const line = policy(10, '1/s', { shapes: true });

/** One bucket, `key`. */
function bucket() {
  const model = new OutboundModel();
  const take = (at: bigint, cost: number, by = ten, patience?: Patience, options?: OutboundOptions) =>
    model.decide(at, [{ key: 'key', policy: by, cost, patience }], options);
  return {
    model,
    take,
    counted: (at: bigint, cost: number) => take(at, cost, ten, undefined, { counted: true }),
    sync: (at: bigint, report: Report, by = ten) => model.sync(at, 'key', by, report).result,
    block: (at: bigint, micros: bigint) => model.sync(at, 'key', ten, { retryAfterMicros: micros }),
    level: (at: bigint, by = ten) => take(at, 0, by, undefined, { peek: true }).results[0]!.level,
    stored: () => model.stored('key'),
  };
}

const only = ({ results }: OutboundDecision) => results[0]!;

describe('a blocked bucket', () => {
  it('refuses who does not wait until its end, and tells it', () => {
    const { take, block, stored } = bucket();
    block(0n, 5n * SECOND);
    expect(stored()).toMatchObject({ at: 0n, blocked: 5n * SECOND, level: { num: 0n } });
    // At 2 s the block is worth 3 s of draining: 3 tokens.
    const refused = {
      allowed: false,
      level: 3n * SECOND,
      remaining: 0,
      retryAfterMs: 3000,
      resetAfterMs: 3000,
    };
    expect(only(take(2n * SECOND, 1))).toEqual({ ...refused, delayMs: 0 });
    expect(only(take(2n * SECOND, 0))).toEqual({ ...refused, delayMs: 0 });
    expect(only(take(5n * SECOND - 1n, 1))).toMatchObject({ allowed: false, retryAfterMs: 1 });
    expect(only(take(5n * SECOND, 10))).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('tells the longer of block and refill', () => {
    const { take, block } = bucket();
    take(0n, 10);
    block(0n, 2n * SECOND);
    expect(only(take(0n, 1))).toMatchObject({ retryAfterMs: 2000, level: 10n * SECOND });
    expect(only(take(0n, 4))).toMatchObject({ retryAfterMs: 4000 });
    expect(only(take(0n, 11))).toMatchObject({ retryAfterMs: null });
  });

  it('places who waits at its end, a bucketful at once, and the rest behind', () => {
    const { take, block, stored } = bucket();
    block(0n, 5n * SECOND);
    expect(only(take(0n, 7, ten, {}))).toMatchObject({ delayMs: 5000, level: 12n * SECOND, remaining: 0 });
    expect(stored()).toMatchObject({ at: 0n, last: 5n * SECOND, blocked: 5n * SECOND });
    expect(only(take(0n, 3, ten, {}))).toMatchObject({ delayMs: 5000, level: 15n * SECOND });
    expect(only(take(0n, 2, ten, {}))).toMatchObject({ delayMs: 7000, level: 17n * SECOND });
    // 10 s of patience are worth the level 20: 4 tokens start at 11 s.
    expect(only(take(0n, 4, ten, {}))).toMatchObject({ allowed: false, retryAfterMs: 1000 });
    expect(only(take(SECOND, 4, ten, {}))).toMatchObject({ allowed: true, delayMs: 10_000 });
  });

  it('refuses who is not patient enough for it, though the level would let it start', () => {
    const { take, block } = bucket();
    block(0n, 5n * SECOND);
    const patience = { maxWaitMicros: 2_000_000 };
    expect(only(take(0n, 1, ten, patience))).toMatchObject({ allowed: false, retryAfterMs: 3000 });
    expect(only(take(3n * SECOND, 1, ten, patience))).toMatchObject({ allowed: true, delayMs: 2000 });
  });

  it('moves a line behind it, as far as the line reaches', () => {
    const { take, block } = bucket();
    block(0n, 5n * SECOND);
    expect(only(take(0n, 1, line))).toMatchObject({ delayMs: 5000, remaining: 4, level: 6n * SECOND });
    expect(only(take(0n, 1, line))).toMatchObject({ delayMs: 6000, remaining: 3 });
    expect(only(take(0n, 4, line))).toMatchObject({ allowed: false, retryAfterMs: 1000, remaining: 3 });
    const hasty = { maxWaitMicros: 4_000_000 };
    expect(only(take(0n, 1, line, hasty))).toMatchObject({ allowed: false, retryAfterMs: 3000 });
  });

  it('raises the others of an operation to its end', () => {
    const { model, block } = bucket();
    block(0n, 5n * SECOND);
    const both = [
      { key: 'key', policy: ten, cost: 1, patience: {} },
      { key: 'other', policy: line, cost: 2 },
    ];
    const { results } = model.decide(0n, both);
    expect(results).toMatchObject([
      { delayMs: 5000, level: 6n * SECOND },
      { delayMs: 5000, level: 7n * SECOND },
    ]);
    expect(model.stored('other')).toHaveProperty('last', 5n * SECOND);
  });

  it('outlives a full bucket and keeps its count, and ends with it', () => {
    const { counted, block, stored, level, take } = bucket();
    counted(0n, 2);
    block(0n, 5n * SECOND);
    expect(level(4n * SECOND)).toBe(SECOND);
    take(5n * SECOND, 0);
    counted(5n * SECOND, 1);
    expect(stored()?.count).toEqual({ since: 5n * SECOND, sent: 1n, synced: 0n });
    block(5n * SECOND, 9n * SECOND);
    counted(9n * SECOND, 1);
    expect(stored()?.count).toEqual({ since: 5n * SECOND, sent: 1n, synced: 0n });
  });

  it('never shortens, may have no end, and goes where it is unblocked', () => {
    const { model, take, block, stored } = bucket();
    block(0n, 5n * SECOND);
    block(SECOND, SECOND);
    expect(stored()?.blocked).toBe(5n * SECOND);
    block(SECOND, FOREVER);
    expect(stored()?.blocked).toBe(FOREVER);
    expect(only(take(SECOND, 1))).toMatchObject({ retryAfterMs: null, remaining: 0, level: FOREVER });
    expect(only(take(SECOND, 1, ten, {}))).toMatchObject({ allowed: false, retryAfterMs: null });
    expect(model.unblock(SECOND, 'key')).toBe(true);
    expect(stored()).toBeUndefined();
    expect(model.unblock(SECOND, 'key')).toBe(false);
  });

  it('steps back with the clock, unless it has no end', () => {
    const { block, take, stored } = bucket();
    block(10n * SECOND, 5n * SECOND);
    expect(only(take(2n * SECOND, 1))).toMatchObject({ retryAfterMs: 5000 });
    expect(stored()).toMatchObject({ at: 2n * SECOND, blocked: 7n * SECOND });
    block(2n * SECOND, FOREVER);
    take(SECOND, 1);
    expect(stored()).toMatchObject({ at: SECOND, blocked: FOREVER });
  });
});

describe('a caller that waits for tokens', () => {
  it('goes into debt as far as its patience, and holds who comes next', () => {
    const { take } = bucket();
    take(0n, 8);
    expect(only(take(0n, 5, ten, {}))).toMatchObject({ delayMs: 3000, level: 13n * SECOND, remaining: 0 });
    expect(only(take(0n, 0))).toMatchObject({ allowed: false, retryAfterMs: 3000 });
    expect(only(take(0n, 1, ten, { maxWaitMicros: 3_999_999 }))).toMatchObject({ retryAfterMs: 1 });
    expect(only(take(0n, 8, ten, {}))).toMatchObject({ allowed: false, retryAfterMs: 1000 });
    expect(only(take(0n, 11, ten, {}))).toMatchObject({ allowed: false, retryAfterMs: null });
  });

  it('never takes a level past the largest that is kept', () => {
    const wide = policy(104_249, '999983/day');
    const { take } = bucket();
    const left = Number((MAX - 104_249n * wide.micros) / wide.micros);
    take(0n, 104_249, wide);
    expect(left).toBe(0);
    expect(only(take(0n, 1, wide, {}))).toMatchObject({ allowed: false });
    expect(only(take(0n, 1, wide, { maxWaitMicros: Number.MAX_SAFE_INTEGER }))).toMatchObject({
      allowed: false,
    });
  });

  it('has who does not wait told what the steps of the others may add', () => {
    const { model, take } = bucket();
    // Read by a slower bucket in other ticks, the level falls by whole tokens.
    take(0n, 10, policy(10, '3/s'));
    model.decide(0n, [{ key: 'other', policy: ten, cost: 10 }]);
    const both = [
      { key: 'key', policy: policy(5, '1/2s'), cost: 1, patience: { maxWaitMicros: 0 } },
      { key: 'other', policy: ten, cost: 1 },
    ];
    expect(model.decide(0n, both).results).toMatchObject([{ retryAfterMs: 14_000 }, { retryAfterMs: 3000 }]);
  });

  it('gives its place back while nobody came after', () => {
    const { model, take, stored } = bucket();
    take(0n, 10);
    const before = stored();
    const [first, second] = [take(0n, 1, ten, {}), take(0n, 2, ten, {})];
    expect(model.undo(first.traces)).toBe(0);
    expect(model.undo([...second.traces, ...first.traces])).toBe(2);
    expect(stored()).toEqual(before);
    expect(model.undo(first.traces)).toBe(0);
  });

  it('leaves no place where nobody of the operation waits', () => {
    const { model, take } = bucket();
    expect(take(0n, 1).traces).toEqual([]);
    const both = [
      { key: 'a', policy: ten, cost: 1, patience: {} },
      { key: 'b', policy: ten, cost: 1 },
    ];
    expect(model.decide(0n, both).traces.map(({ key }) => key)).toEqual(['a', 'b']);
  });
});

describe('a count', () => {
  it('starts with the first counted cost, and goes on with every cost', () => {
    const { take, counted, stored } = bucket();
    take(0n, 1);
    expect(stored()?.count).toBeUndefined();
    expect(counted(1n, 0).marks).toEqual([undefined]);
    expect(counted(1n, 2).marks).toEqual([{ since: 1n, sent: 2n }]);
    expect(take(2n, 3).marks).toEqual([undefined]);
    expect(counted(3n, 0).marks).toEqual([{ since: 1n, sent: 5n }]);
    expect(counted(3n, 9).marks).toEqual([undefined]);
    expect(take(3n, 1, ten, undefined, { counted: true, peek: true }).marks).toEqual([undefined]);
  });

  it('starts anew before it is no exact number', () => {
    const wide = policy(Number(MAX), '1000000000000/s');
    const { take } = bucket();
    const half = 2 ** 52;
    const counted = (at: bigint) => take(at, half, wide, undefined, { counted: true }).marks[0];
    expect(counted(0n)).toEqual({ since: 0n, sent: BigInt(half) });
    // A microsecond before it is full.
    expect(counted(4_503_599_627n)).toEqual({ since: 4_503_599_627n, sent: BigInt(half) });
  });

  it('is lost with a bucket that has filled', () => {
    const { counted, stored } = bucket();
    counted(0n, 2);
    counted(2n * SECOND, 1);
    expect(stored()?.count).toEqual({ since: 2n * SECOND, sent: 1n, synced: 0n });
  });
});

describe('a report', () => {
  it('is believed where it answers a newer decision, what was sent since taken off', () => {
    const { counted, sync, stored } = bucket();
    const [first] = counted(0n, 1).marks;
    const [second] = counted(0n, 1).marks;
    counted(0n, 3);
    // The provider had 9 left after the second; 3 were sent since, so 4 are missing.
    expect(sync(0n, { remaining: 9, mark: second })).toMatchObject({ allowed: true, remaining: 5 });
    expect(stored()).toMatchObject({ level: { num: 4n }, count: { since: 0n, sent: 5n, synced: 2n } });
    // The first says the same or less: 10 - 9 + 4 are missing, more than 4.
    sync(0n, { remaining: 10, mark: first });
    expect(stored()).toMatchObject({ level: { num: 4n }, count: { synced: 2n } });
    sync(0n, { remaining: 9, mark: first });
    expect(stored()).toMatchObject({ level: { num: 5n }, count: { synced: 2n } });
    // Once more is not newer.
    sync(0n, { remaining: 10, mark: second });
    expect(stored()).toMatchObject({ level: { num: 5n } });
  });

  it('of nothing known only takes tokens', () => {
    const { take, sync, stored, counted } = bucket();
    take(0n, 5);
    sync(0n, { remaining: 8 });
    expect(stored()).toMatchObject({ level: { num: 5n } });
    sync(0n, { remaining: 3 });
    expect(stored()).toMatchObject({ level: { num: 7n }, at: 0n });
    counted(0n, 1);
    // Of another life: all that was counted in this one comes on top.
    sync(0n, { remaining: 1, mark: { since: -5n, sent: 3n } });
    expect(stored()).toMatchObject({ level: { num: 10n } });
  });

  it('takes nothing from what was promised', () => {
    const { take, counted, sync, stored } = bucket();
    counted(0n, 10);
    take(0n, 1, ten, {});
    const [mark] = take(0n, 1, ten, {}, { counted: true }).marks;
    sync(0n, { remaining: 10, mark });
    expect(stored()).toMatchObject({
      level: { num: 12n },
      count: { sent: 12n, synced: 12n },
      last: 2n * SECOND,
    });
    const [second] = take(2n * SECOND, 0, ten, {}, { counted: true }).marks;
    expect(second).toEqual({ since: 0n, sent: 12n });
    take(3n * SECOND, 1);
    const [third] = take(3n * SECOND, 0, ten, {}, { counted: true }).marks;
    sync(3n * SECOND, { remaining: 8, mark: third });
    expect(stored()).toMatchObject({ level: { num: 2n }, at: 3n * SECOND, count: { synced: 13n } });
    expect(stored()?.last).toBeUndefined();
  });

  it('never lowers a line', () => {
    const { take, sync, stored } = bucket();
    const [mark] = take(0n, 5, line, undefined, { counted: true }).marks;
    sync(0n, { remaining: 9, mark }, line);
    expect(stored()).toMatchObject({ level: { num: 5n }, count: { synced: 5n } });
  });

  it('may make a debt, and makes nothing of more than all', () => {
    const { counted, sync, stored } = bucket();
    const [mark] = counted(0n, 1).marks;
    counted(0n, 8);
    expect(sync(0n, { remaining: 0, mark })).toMatchObject({
      allowed: false,
      retryAfterMs: 9000,
      remaining: 0,
    });
    expect(stored()).toMatchObject({ level: { num: 18n } });
    const { marks } = counted(17n * SECOND, 1);
    sync(17n * SECOND, { remaining: 999, mark: marks[0] });
    expect(stored()).toBeUndefined();
  });

  it('may both lower and block', () => {
    const { counted, sync, stored } = bucket();
    const [mark] = counted(0n, 3).marks;
    const answer = sync(0n, { remaining: 10, retryAfterMicros: 2n * SECOND, mark });
    expect(answer).toMatchObject({ allowed: false, retryAfterMs: 2000, remaining: 0, level: 2n * SECOND });
    expect(stored()).toMatchObject({ level: { num: 0n }, blocked: 2n * SECOND, count: { synced: 3n } });
  });

  it('is kept in the scale of its reader, where it changes the level', () => {
    const { counted, sync, stored } = bucket();
    counted(0n, 3);
    sync(0n, { remaining: 18 }, policy(20, '7/s'));
    expect(stored()).toMatchObject({ tokens: 1n, micros: SECOND });
    sync(0n, { remaining: 16 }, policy(20, '7/s'));
    expect(stored()).toMatchObject({ tokens: 7n, micros: SECOND, level: { num: 4n }, count: { sent: 3n } });
  });
});

describe('a pick', () => {
  const three = (model: OutboundModel, patience?: Patience, prefer?: number, peek = false) =>
    model.decide(
      0n,
      ['a', 'b', 'c'].map((key) => ({ key, policy: ten, cost: 1, patience })),
      { pick: prefer === undefined ? {} : { prefer }, counted: true, peek },
    );
  const taken = (...costs: number[]) => {
    const model = new OutboundModel();
    for (const [index, cost] of costs.entries()) {
      model.decide(0n, [{ key: 'abc'[index]!, policy: ten, cost, patience: {} }]);
    }
    return model;
  };

  it('takes one: the preferred, else the one with most left, else the first', () => {
    expect(three(taken(2, 1, 3), undefined, 2).chosen).toBe(2);
    expect(three(taken(2, 1, 3)).chosen).toBe(1);
    expect(three(taken(2, 1, 1)).chosen).toBe(1);
    const model = taken(2, 1, 3);
    const { marks, results } = three(model);
    expect(marks).toEqual([undefined, { since: 0n, sent: 1n }, undefined]);
    expect(results).toMatchObject([
      { allowed: true, remaining: 8, retryAfterMs: 0 },
      { allowed: true, remaining: 8, retryAfterMs: 0 },
      { allowed: true, remaining: 7, retryAfterMs: 0 },
    ]);
    expect(model.stored('a')).toMatchObject({ level: { num: 2n } });
    expect(model.stored('b')).toMatchObject({ level: { num: 2n } });
  });

  it('prefers who starts sooner to the preferred', () => {
    const model = taken(10, 10, 10);
    model.decide(0n, [{ key: 'a', policy: ten, cost: 1, patience: {} }]);
    expect(three(model, {}, 0)).toMatchObject({
      chosen: 1,
      results: [{ delayMs: 0 }, { delayMs: 1000 }, {}],
    });
    expect(three(taken(10, 9, 10), {}, 0).chosen).toBe(1);
  });

  it('passes by who is blocked, and refuses where none fits', () => {
    const model = taken(10, 9, 10);
    model.sync(0n, 'b', ten, { retryAfterMicros: 3n * SECOND });
    const { admitted, chosen, results } = three(model);
    expect([admitted, chosen]).toEqual([false, undefined]);
    expect(results.map(({ retryAfterMs }) => retryAfterMs)).toEqual([1000, 3000, 1000]);
    expect(three(model, {}, 1, true)).toMatchObject({ admitted: true, chosen: 0 });
    expect(model.stored('a')).toMatchObject({ level: { num: 10n } });
  });
});
