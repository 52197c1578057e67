import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Change } from '../../../lib/algorithms/kernel.js';
import { type BucketRecord, isSame } from '../../../lib/algorithms/record.js';
import { PlaceReturns } from '../../../lib/limiter/waiting/place-returns.js';

/** Lines of places, of which only the last can be undone. Each call is noted by the levels it names. */
class Lines {
  readonly calls: string[] = [];
  private readonly records = new Map<string, BucketRecord>();
  private readonly failing = new Set<string>();

  take(key = 'k'): Change {
    const before = this.records.get(key);
    const after = { level: (before?.level ?? 0) + 1, at: 0, ticksPerToken: 1, ticksPerMicro: 1 };
    this.records.set(key, after);
    return { key, before, after };
  }

  level(key = 'k'): number {
    return this.records.get(key)?.level ?? 0;
  }

  fail(key: string, fails = true): void {
    if (fails) this.failing.add(key);
    else this.failing.delete(key);
  }

  async undo(changes: readonly Change[]): Promise<number> {
    this.calls.push(changes.map(({ key, after }) => `${key}${after.level}`).join(' '));
    await nextTurn();
    if (changes.some(({ key }) => this.failing.has(key))) throw new Error('the store is gone');
    return changes.filter((change) => this.undoOne(change)).length;
  }

  private undoOne({ key, before, after }: Change): boolean {
    if (!isSame(this.records.get(key), after)) return false;
    if (before) this.records.set(key, before);
    else this.records.delete(key);
    return true;
  }
}

describe('places that are given back', () => {
  let now: number;
  let lines: Lines;
  let returns: PlaceReturns;

  beforeEach(() => {
    now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    lines = new Lines();
    returns = new PlaceReturns(lines);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  const later = 1000;
  const settle = async () => {
    for (let turn = 0; turn < 5; turn++) await nextTurn();
  };
  const line = (length: number, key?: string): Change[] => Array.from({ length }, () => lines.take(key));

  it('in one turn go in one call, the latest first, in whatever order they left', async () => {
    const [a, b, c] = line(3) as [Change, Change, Change];
    returns.give([b], later);
    returns.give([a], later);
    returns.give([c], later);
    expect(lines.calls).toEqual([]);
    await settle();
    expect([lines.calls, lines.level(), returns.size]).toEqual([['k3 k2 k1'], 0, 0]);
  });

  it('in the middle are kept, and undone once those behind them are', async () => {
    const [, b, c, d] = line(4) as [Change, Change, Change, Change];
    returns.give([c], later);
    await settle();
    expect([lines.level(), returns.size]).toEqual([4, 1]);
    returns.give([b], later);
    await settle();
    expect([lines.level(), returns.size]).toEqual([4, 1]);
    returns.give([d], later);
    await settle();
    expect(lines.calls).toEqual(['k3', 'k3 k2', 'k4 k3 k2']);
    expect([lines.level(), returns.size]).toEqual([1, 0]);
  });

  it('stay lost where somebody behind them stays', async () => {
    const [a, , c] = line(3) as [Change, Change, Change];
    returns.give([c], later);
    returns.give([a], later);
    await settle();
    expect([lines.level(), returns.size]).toEqual([2, 1]);
  });

  it('are dropped where their time has passed', async () => {
    const [a, b] = line(2) as [Change, Change];
    returns.give([a], 100);
    await settle();
    now = 100;
    returns.give([b], later);
    await settle();
    expect(lines.calls).toEqual(['k1', 'k2']);
    expect([lines.level(), returns.size]).toEqual([1, 0]);
  });

  it('are dropped without a call where their time passes before it', async () => {
    const [a] = line(1) as [Change];
    returns.give([a], 100);
    now = 100;
    await settle();
    expect([lines.calls.filter((call) => call !== ''), lines.level(), returns.size]).toEqual([[], 1, 0]);
  });

  it('of several buckets are undone each in its own line', async () => {
    const both = [lines.take('a'), lines.take('b')];
    lines.take('b');
    returns.give(both, later);
    await settle();
    expect([lines.calls, lines.level('a'), lines.level('b'), returns.size]).toEqual([['a1', 'b1'], 0, 2, 1]);
  });

  it('that cost nothing ask nobody', async () => {
    returns.give([], later);
    await settle();
    expect([lines.calls, returns.size]).toEqual([[], 0]);
  });

  it('stay taken where the store fails, and nothing else is lost', async () => {
    const [a, b] = line(2) as [Change, Change];
    const other = lines.take('other');
    lines.fail('k');
    returns.give([b, other], later);
    await settle();
    expect([lines.level(), lines.level('other'), returns.size]).toEqual([2, 0, 1]);
    lines.fail('k', false);
    returns.give([a], later);
    await settle();
    expect([lines.level(), returns.size]).toEqual([0, 0]);
  });

  it('twice give one place back', async () => {
    const [, b] = line(2) as [Change, Change];
    returns.give([b], later);
    returns.give([b], later);
    await settle();
    returns.give([b], later);
    await settle();
    expect(lines.level()).toBe(1);
    now = later;
    returns.give([lines.take('other')], later + 1);
    await settle();
    expect([lines.level(), returns.size]).toEqual([1, 0]);
  });

  it('while a call is on its way are not forgotten', async () => {
    const [a, b, c] = line(3) as [Change, Change, Change];
    returns.give([c], later);
    await nextTurn();
    expect(lines.calls).toEqual(['k3']);
    returns.give([b], later);
    await nextTurn();
    returns.give([a], later);
    await settle();
    expect(lines.level()).toBe(0);
  });

  it('leave nothing behind, though nobody leaves their lines again', async () => {
    for (let user = 0; user < 100; user++) {
      const [first] = line(2, `user${user}:`) as [Change, Change];
      returns.give([first], 100 + user);
    }
    await settle();
    expect(returns.size).toBe(100);
    for (let i = 0; i < 100; i++) {
      now = 1000 + i;
      returns.give([lines.take('other')], now + 100);
      await settle();
    }
    expect([lines.level('other'), returns.size]).toEqual([0, 0]);
  });

  it('by the ten thousand from one line take no more than moments', async () => {
    const all = line(20_000);
    const start = process.hrtime.bigint();
    for (const change of all) returns.give([change], later);
    expect(Number(process.hrtime.bigint() - start)).toBeLessThan(500_000_000);
    await settle();
    expect([lines.calls.length, lines.level(), returns.size]).toEqual([1, 0, 0]);
  });
});
