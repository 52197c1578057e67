import { describe, expect, it } from '@jest/globals';
import { drainedAt, rebase, recordWithout, ticksBack } from '../../../lib/algorithms/record.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { makers, type Row, Table } from '../../support/table.js';

const S = 1_000_000;
const two = tokenBucket({ capacity: 2, rate: '1/s' });
const ask = { cost: 0, peek: true } as const;
const record = { level: 5 * S, at: 10 * S, ticksPerToken: S, ticksPerMicro: 1 };

/** A bucket emptied at 10 s, and what finds the clock at 3 s first. */
const finders: [string, Row][] = [
  ['a refusal', { t: 3 * S, ok: false, retryAfterMs: 1000 }],
  ['a peek', { t: 3 * S, peek: true, ok: false, retryAfterMs: 1000 }],
  ['a take of cost 0', { t: 3 * S, cost: 0, ok: true, remaining: 0 }],
];

describe.each(makers)('a clock that steps back on the %s', (_, make) => {
  it.each(finders)('neither freezes nor fills the bucket: found by %s', async (_title, finder) => {
    await new Table(make).play(two, [
      { t: 10 * S, cost: 2, ok: true },
      finder,
      { t: 3.5 * S, ...ask, level: 1.5 * S },
      { t: 4 * S, ok: true, level: 2 * S },
      { t: 4 * S, ok: false, retryAfterMs: 1000 },
    ]);
  });

  it('is found by a refund too, which gives back its own tokens and no others', async () => {
    await new Table(make).play(two, [
      { t: 10 * S, cost: 2, ok: true },
      { t: 3 * S, refund: 1, ok: true },
      { t: 3 * S, ...ask, level: S },
      { t: 10 * S, ...ask, level: 0 },
    ]);
  });

  it('earns the way back once it runs forward again, and no more', async () => {
    await new Table(make).play(two, [
      { t: 10 * S, cost: 2, ok: true },
      { t: 9 * S, ok: false },
      { t: 10 * S, ok: true },
      { t: 10 * S, ok: false },
      { t: 9 * S, ok: false },
      { t: 9.5 * S, ok: false, retryAfterMs: 500 },
    ]);
  });
});

describe('a record', () => {
  it.each([
    [10 * S, 10 * S],
    [10 * S + 1, 10 * S],
    [10 * S - 1, 10 * S - 1],
    [0, 0],
  ])('seen at %p is dated %p, with the level it had', (now, at) => {
    expect(rebase(record, now)).toEqual({ ...record, at });
  });

  it.each([
    [5 * S, 1, 15 * S],
    [5 * S, 3, 10 * S + 1_666_667],
    [1, 3, 10 * S + 1],
    [0, 3, 10 * S],
  ])('of level %p that drains %p a µs is full at %p', (level, ticksPerMicro, expected) => {
    expect(drainedAt({ ...record, level, ticksPerMicro })).toBe(expected);
  });

  it.each([
    ['keeps the rest', 2, 10 * S, { ...record, level: 3 * S }],
    ['keeps its date, for lowering and draining commute', 2, 12 * S, { ...record, level: 3 * S }],
    ['is gone where nothing is left', 5, 10 * S, undefined],
    ['is gone where more is given back than is missing', 6, 10 * S, undefined],
    ['is gone where the rest has drained since', 2, 13 * S, undefined],
    ['is gone for any number of tokens', Number.MAX_SAFE_INTEGER, 10 * S, undefined],
  ])('%s after a refund', (_, tokens, now, expected) => {
    expect(recordWithout(record, ticksBack(record, tokens, now), now)).toEqual(expected);
  });

  it.each([
    ['all, where they were taken just now', 12 * S, record, 2 * S],
    ['what has certainly not drained since', 10 * S, record, S],
    ['nothing, where all of it may have drained', 9 * S, record, 0],
    ['all, where the clock stands before the take', 13 * S, record, 2 * S],
    ['nothing of another scale', 12 * S, { ...record, ticksPerMicro: 2 }, 0],
  ])('of tokens that were taken at a known time gives back %s', (_, at, scale, expected) => {
    const { ticksPerToken, ticksPerMicro } = scale;
    expect(ticksBack(record, 2, 11 * S, { at, ticksPerToken, ticksPerMicro })).toBe(expected);
  });
});
