import { describe, expect, it, test } from '@jest/globals';
import { applyToOracle, runDifferential, type Subject } from '../support/oracle/differential.js';
import { type EntryResult, Oracle, type OraclePolicy } from '../support/oracle/oracle.js';
import { oracleRate } from '../support/oracle/rate.js';
import { scenarioPolicies } from '../support/oracle/scenario.js';

const SECOND = 1_000_000n;

function policy(capacity: number, rate: number | string, more: Partial<OraclePolicy> = {}): OraclePolicy {
  const parsed = oracleRate(rate, capacity);
  if (typeof parsed === 'string') throw new Error(`${rate} with ${capacity} is ${parsed}`);
  return { capacity, shapes: false, ...parsed, ...more };
}

function leaky(capacity: number, rate: string, maxWaitMicros?: number): OraclePolicy {
  return policy(capacity, rate, { shapes: true, maxWaitMicros });
}

/** One bucket, `key`. */
function take(oracle: Oracle, at: bigint, by: OraclePolicy, cost = 1, options: { peek?: boolean } = {}) {
  return oracle.take(at, [{ key: 'key', policy: by, cost }], options).entries[0];
}

function level(oracle: Oracle, at: bigint, by: OraclePolicy): bigint {
  return take(oracle, at, by, 0, { peek: true }).level;
}

describe('oracleRate', () => {
  test.each<[number | string, bigint, bigint]>([
    ['5/s', 1n, 200_000n],
    ['3/s', 3n, 1_000_000n],
    ['100/min', 1n, 600_000n],
    ['1000/h', 1n, 3_600_000n],
    ['7/day', 7n, 86_400_000_000n],
    ['30/10s', 3n, 1_000_000n],
    ['0.5/s', 1n, 2_000_000n],
    ['1/250ms', 1n, 250_000n],
    [' 6 / 2 minutes ', 1n, 20_000_000n],
    ['2500000/s', 5n, 2n],
    [0.1, 1n, 10_000_000n],
    [100 / 60, 1n, 600_000n],
    [1 / 3, 1n, 3_000_000n],
    [1e9, 1000n, 1n],
  ])('%p is %p tokens in %p microseconds', (rate, tokens, micros) => {
    expect(oracleRate(rate, 1)).toEqual({ tokens, micros });
  });

  const numbers = [0, -1, Number.NaN, Number.POSITIVE_INFINITY];
  const strings = ['', '5', '5/', '0/s', '-5/s', '5/0s', '1e3/s', '5/week'];
  test.each([...numbers, ...strings])('%p is no rate', (rate) => {
    expect(oracleRate(rate, 1)).toBe('invalid');
  });

  it('lowers a rate that does not fit to the nearest that does', () => {
    // 2^53 / 10^6 leaves room for 9,007,199,254 ticks a token; a day in microseconds is more.
    expect(oracleRate('999983/day', 104_000)).toEqual({ tokens: 999_983n, micros: 86_400_000_000n });
    expect(oracleRate('999983/day', 1_000_000)).toEqual({ tokens: 39_599n, micros: 3_421_411_764n });
  });

  it('gives up where that would lose more than one part in 10^9', () => {
    expect(oracleRate('7/day', 1e12)).toBe('unfit');
    expect(oracleRate(Number.MIN_VALUE, 1)).toBe('unfit');
    expect(oracleRate(Number.MAX_VALUE, 1)).toBe('unfit');
  });
});

describe('a token bucket', () => {
  it('is empty to the tick, and has a token again to the microsecond', () => {
    const [oracle, three] = [new Oracle(), policy(1, '3/s')];
    const empty = { remaining: 0, retryAfterMs: 0, delayMs: 0 };
    const full = { ...empty, allowed: true, level: 1_000_000n, resetAfterMs: 334 };
    expect(take(oracle, 0n, three)).toEqual(full);
    expect(take(oracle, 0n, three)).toEqual({ ...full, allowed: false, retryAfterMs: 334 });
    const almost = { ...full, allowed: false, level: 1n, retryAfterMs: 1, resetAfterMs: 1 };
    expect(take(oracle, 333_333n, three)).toEqual(almost);
    expect(take(oracle, 333_334n, three)).toEqual(full);
  });

  it('never admits more than its capacity, and takes nothing for a cost of 0', () => {
    const [oracle, ten] = [new Oracle(), policy(10, '5/s')];
    expect(take(oracle, 0n, ten, 11)).toMatchObject({ allowed: false, retryAfterMs: null, remaining: 10 });
    take(oracle, 0n, ten, 10);
    expect(take(oracle, 0n, ten, 0)).toMatchObject({ allowed: true, remaining: 0 });
    expect(oracle.stored('key')).toMatchObject({ level: { num: 10n, den: 1n }, at: 0n });
    expect(take(oracle, 1n, policy(9, '5/s'), 0)).toMatchObject({ allowed: false, retryAfterMs: 200 });
  });

  it('answers a peek like a take and keeps nothing of it', () => {
    const [oracle, ten] = [new Oracle(), policy(10, '5/s')];
    const asked = take(oracle, 0n, ten, 4, { peek: true });
    expect(oracle.stored('key')).toBeUndefined();
    expect(take(oracle, 0n, ten, 4)).toEqual(asked);
  });

  it('charges no limit of a stack when one refuses', () => {
    const oracle = new Oracle();
    const stack = [
      { key: 'wide', policy: policy(10, '5/s'), cost: 1 },
      { key: 'narrow', policy: policy(1, '1/s'), cost: 1 },
    ];
    expect(oracle.take(0n, stack).allowed).toBe(true);
    const second = oracle.take(0n, stack);
    expect(second.allowed).toBe(false);
    expect(second.entries).toMatchObject([
      { allowed: true, remaining: 9, retryAfterMs: 0 },
      { allowed: false, remaining: 0, retryAfterMs: 1000 },
    ]);
    expect(oracle.stored('wide')?.level).toEqual({ num: 1n, den: 1n });
  });

  it('takes a refund in the units of its record, and forgets itself when empty', () => {
    const [oracle, ten, other] = [new Oracle(), policy(10, '5/s'), policy(10, '3/s')];
    take(oracle, 0n, ten, 5);
    oracle.refund(0n, 'key', leaky(10, '5/s'), 1);
    oracle.refund(0n, 'key', other, 2);
    expect(level(oracle, 0n, ten)).toBe(600_000n);
    // At 0.4 s two of the three have drained, so giving back one leaves nothing.
    oracle.refund(400_000n, 'key', ten, 1);
    expect(oracle.stored('key')).toBeUndefined();
    take(oracle, 0n, ten, 5);
    oracle.reset('key');
    expect(oracle.stored('key')).toBeUndefined();
  });
});

describe('a leaky bucket that waits', () => {
  it('hands out evenly spaced places', () => {
    const [oracle, ten] = [new Oracle(), leaky(3, '10/s')];
    expect([0, 1, 2].map(() => take(oracle, 0n, ten).delayMs)).toEqual([0, 100, 200]);
    expect(take(oracle, 0n, ten)).toMatchObject({ allowed: false, retryAfterMs: 100, delayMs: 0 });
  });

  it('refuses a longer wait than the caller accepts', () => {
    const [oracle, ten] = [new Oracle(), leaky(3, '10/s', 150_000)];
    expect([0, 1].map(() => take(oracle, 0n, ten).delayMs)).toEqual([0, 100]);
    expect(take(oracle, 0n, ten)).toMatchObject({ allowed: false, retryAfterMs: 50, remaining: 1 });
    expect(take(oracle, 50_000n, ten)).toMatchObject({ allowed: true, delayMs: 150 });
  });

  it('shares one start with another, raised to it', () => {
    const oracle = new Oracle();
    const slow = { key: 'slow', policy: leaky(5, '1/s'), cost: 1 };
    const fast = { key: 'fast', policy: leaky(11, '10/s'), cost: 1 };
    const police = { key: 'police', policy: policy(2, '10/s'), cost: 1 };
    oracle.take(0n, [slow]);
    const { entries } = oracle.take(0n, [slow, fast, police]);
    expect(entries.map((entry) => entry.delayMs)).toEqual([1000, 1000, 0]);
    // Ten tokens of the fast one leak until the start; then comes its own.
    expect(entries.map((entry) => entry.level)).toEqual([2_000_000n, 1_100_000n, 100_000n]);
    const refused = oracle.take(0n, [slow, fast, police]).entries;
    expect(refused.map((entry) => entry.retryAfterMs)).toEqual([0, 1000, 0]);
  });
});

describe('a clock that steps back', () => {
  test.each(['take', 'peek', 'refund'])('re-bases the record it finds ahead: %s', (kind) => {
    const [oracle, two] = [new Oracle(), policy(2, '1/s')];
    take(oracle, 10n * SECOND, two, 2);
    if (kind === 'refund') oracle.refund(3n * SECOND, 'key', two, 1);
    else expect(take(oracle, 3n * SECOND, two, 1, { peek: kind === 'peek' }).retryAfterMs).toBe(1000);
    expect(oracle.stored('key')?.at).toBe(3n * SECOND);
    // The clock that returns earns the way back, and no more.
    expect(level(oracle, 4n * SECOND, two)).toBe(kind === 'refund' ? 0n : 1_000_000n);
  });
});

describe('a bucket read under another policy', () => {
  const [one, two, three] = [policy(10, '1/s'), policy(10, '2/s'), policy(10, '3/s')];

  it('drains at the faster rate in the ticks they share', () => {
    const pairs = [[one, three] as const, [three, one] as const];
    for (const [writer, reader] of pairs) {
      const oracle = new Oracle();
      take(oracle, 0n, writer, 4);
      expect(level(oracle, SECOND, reader)).toBe(1_000_000n);
    }
  });

  it('is rounded up to a token before a faster reader drains it', () => {
    const oracle = new Oracle();
    take(oracle, 0n, one, 3);
    take(oracle, SECOND / 2n, one);
    // 3.5 tokens become 4, of 500,000 ticks each, and half a second of two a second is one of them.
    expect(level(oracle, SECOND, two)).toBe(1_500_000n);
  });

  it('is rounded up to a token after a faster writer drained it', () => {
    const oracle = new Oracle();
    take(oracle, 0n, two, 4);
    expect(level(oracle, (3n * SECOND) / 4n, one)).toBe(3_000_000n);
  });

  it('is empty once its own rate has drained it, whatever the rounding says', () => {
    const [oracle, faster] = [new Oracle(), policy(10, '11/10s')];
    take(oracle, 0n, one);
    take(oracle, SECOND / 2n, one);
    expect(level(oracle, 2n * SECOND - 1n, faster)).toBe(3_500_011n);
    expect(level(oracle, 2n * SECOND, faster)).toBe(0n);
  });

  it('stays exact past 2^53', () => {
    const oracle = new Oracle();
    take(oracle, 0n, policy(1_000_000, '1000000/h'), 1_000_000);
    expect(take(oracle, 0n, policy(100, '999983/day'))).toEqual({
      allowed: false,
      level: 86_400_000_000_000_000n,
      remaining: 0,
      retryAfterMs: 86_392_916,
      resetAfterMs: 86_401_469,
      delayMs: 0,
    });
  });
});

describe('runDifferential', () => {
  const options = { seed: 7, operations: 2000, batch: 64 };

  /** The oracle against itself, so that a difference is one that a test put there. */
  function oracleAsSubject(change: (results: EntryResult[], index: number) => EntryResult[]): Subject {
    const [oracle, policies] = [new Oracle(), scenarioPolicies(options.seed)];
    let index = 0;
    return {
      apply: async (batch) =>
        batch.map((operation) => change(applyToOracle(oracle, policies, operation), index++)),
    };
  }

  it('has seen every kind of thing happen when nothing differs', async () => {
    const coverage = await runDifferential(
      { itself: oracleAsSubject((results) => results) },
      { ...options, operations: 20_000 },
    );
    expect(Object.entries(coverage).filter(([, times]) => times === 0)).toEqual([]);
  });

  it('names the seed and the first operation that differs', async () => {
    const wrong = oracleAsSubject((results, index) =>
      index < 1000 ? results : results.map((result) => ({ ...result, level: result.level + 1n })),
    );
    const right = oracleAsSubject((results) => results);
    await expect(runDifferential({ right, wrong }, options)).rejects.toThrow(
      /^seed 7, operation 100\d: wrong is not the oracle/,
    );
  });

  it('wants an answer to every operation', async () => {
    const silent = { apply: async () => [] };
    await expect(runDifferential({ silent }, options)).rejects.toThrow(
      'seed 7, silent: 0 answers to 64 operations',
    );
  });
});
