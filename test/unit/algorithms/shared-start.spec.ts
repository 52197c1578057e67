import { describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../../lib/options/make-policy.js';
import { makers, Table } from '../../support/table.js';

const slow = { key: 'slow', policy: leakyBucket({ capacity: 5, rate: '1/s' }) };
const fast = { key: 'fast', policy: leakyBucket({ capacity: 11, rate: '10/s' }) };
const police = { key: 'police', policy: tokenBucket({ capacity: 2, rate: '10/s' }) };
const meter = { key: 'meter', policy: leakyBucket({ capacity: 2, rate: '10/s', shape: false }) };

describe.each(makers)('several buckets in one transaction on the %s', (_, make) => {
  it('start together, at the latest of their places', async () => {
    const table = new Table(make);
    await table.take(0, [slow]);
    const told = await table.take(0, [slow, fast, police, meter]);
    // A token bucket and a meter police the arrival, not the start.
    expect(told.map(({ delayMs }) => delayMs)).toEqual([1000, 1000, 0, 0]);
  });

  it('are raised to the shared start, so that the next place in each lies behind it', async () => {
    const table = new Table(make);
    await table.take(0, [slow]);
    const told = await table.take(0, [slow, fast, police, meter]);
    // Ten places of the fast one pass by until the start; then comes its own.
    expect(told.map(({ level }) => level)).toEqual([2_000_000, 1_100_000, 100_000, 100_000]);
    expect(await table.take(0, [fast], { peek: true })).toMatchObject([{ ok: false, retryAfterMs: 100 }]);
    expect(await table.take(100_000, [fast])).toMatchObject([{ ok: true, delayMs: 1000 }]);
  });

  it('are refused by the one whose places do not reach as far as the shared start', async () => {
    const table = new Table(make);
    const short = { key: 'short', policy: leakyBucket({ capacity: 5, rate: '10/s' }) };
    await table.take(0, [slow]);
    const told = await table.take(0, [slow, short]);
    expect(told).toMatchObject([
      { ok: true, retryAfterMs: 0, level: 1_000_000 },
      { ok: false, retryAfterMs: 600, level: 0 },
    ]);
    expect(await table.take(600_000, [slow, short])).toMatchObject([{ delayMs: 400 }, { delayMs: 400 }]);
  });

  it('are refused by the one that would wait longer than its own maxWaitMs', async () => {
    const table = new Table(make);
    const hasty = { key: 'hasty', policy: leakyBucket({ capacity: 50, rate: '10/s', maxWaitMs: 300 }) };
    await table.take(0, [slow]);
    expect(await table.take(0, [slow, hasty])).toMatchObject([
      { ok: true },
      { ok: false, retryAfterMs: 700 },
    ]);
    expect(await table.take(700_000, [slow, hasty])).toMatchObject([{ delayMs: 300 }, { delayMs: 300 }]);
  });

  it('are charged all or none: a refusal changes no level and promises no start', async () => {
    const table = new Table(make);
    await table.take(0, [{ ...police, cost: 2 }]);
    const told = await table.take(0, [slow, fast, police]);
    expect(told).toMatchObject([
      { ok: true, level: 0, remaining: 5, delayMs: 0, retryAfterMs: 0 },
      { ok: true, level: 0, remaining: 11, delayMs: 0, retryAfterMs: 0 },
      { ok: false, level: 200_000, remaining: 0, retryAfterMs: 100 },
    ]);
    expect(await table.take(0, [slow, fast])).toMatchObject([{ delayMs: 0 }, { delayMs: 0 }]);
  });

  it('are each full or not by their own cost', async () => {
    const table = new Table(make);
    const told = await table.take(0, [
      { ...police, cost: 3 },
      { ...slow, cost: 0 },
    ]);
    expect(told).toMatchObject([
      { ok: false, retryAfterMs: null, remaining: 2 },
      { ok: true, retryAfterMs: 0, remaining: 5 },
    ]);
  });

  it('that name one bucket twice are one entry with the sum of the costs', async () => {
    const table = new Table(make);
    const told = await table.take(0, [police, police]);
    expect(told).toMatchObject([
      { ok: true, remaining: 0, level: 200_000 },
      { ok: true, remaining: 0, level: 200_000 },
    ]);
    // Two would fit one after another; together they never do.
    expect(
      await table.take(1_000_000, [
        { ...police, cost: 2 },
        { ...police, cost: 1 },
      ]),
    ).toMatchObject([
      { ok: false, retryAfterMs: null, remaining: 2 },
      { ok: false, retryAfterMs: null, remaining: 2 },
    ]);
  });
});
