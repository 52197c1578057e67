// What the first report of a bucket does, whose takes nobody has counted: on memory and on Redis, beside what was really sent.
import { describe, expect, it } from '@jest/globals';
import { algorithms } from '../../lib/algorithms/index.js';
import type { Take } from '../../lib/algorithms/kernel.js';
import type { Limit } from '../../lib/algorithms/limit.js';
import type { Left, Report } from '../../lib/algorithms/report.js';
import { tokenBucket } from '../../lib/options/make-policy.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Inspection, Store } from '../../lib/stores/store.interface.js';
import { Random } from '../../lib/testing/contract/random.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const SEEDS = 150;
const CAPACITY = 20;
const limit = tokenBucket({ capacity: CAPACITY, rate: 3 }).limit as Limit;
const { ticksPerToken } = limit.scale;
const take = (key: string, cost: number): Take => algorithms['token-bucket'](limit, key, cost);

const stores = useStores();

/** A take that nobody has counted, and what was sent after it. */
interface Sent extends Left {
  later: number;
  /** Whether the bucket was full at some time since. */
  wasFull: boolean;
}

interface Told {
  readonly before: number;
  readonly after: number;
  readonly missing: number;
  readonly sent: Sent;
}

/** One bucket: takes at random times, then a report of one of them. */
async function history(
  store: Store,
  key: string,
  clock: ManualClock,
  seed: number,
): Promise<Told | undefined> {
  const random = new Random(seed);
  const sent: Sent[] = [];
  const levelNow = async () => {
    const { record, now } = (await store.inspect([key]))[0] as Inspection;
    return record === undefined ? 0 : Math.max(record.level - record.ticksPerMicro * (now - record.at), 0);
  };
  for (let i = random.below(10); i >= 0; i--) {
    clock.now += random.below(random.pick([1, 300_000, 3_000_000]));
    if ((await levelNow()) === 0) for (const one of sent) one.wasFull = true;
    const cost = 1 + random.below(3);
    const [reply] = await store.decide([{ takes: [take(key, cost)] }]);
    if (!reply?.admitted) continue;
    for (const one of sent) one.later += cost;
    const level = (reply.found[0]?.level as number) + cost * ticksPerToken;
    sent.push({ level, at: clock.now, later: 0, wasFull: false });
  }
  clock.now += random.below(1_000_000);
  const before = await levelNow();
  if (before === 0) for (const one of sent) one.wasFull = true;
  if (sent.length === 0) return undefined;
  const answered = random.pick(sent);
  const missing = random.below(CAPACITY + 1);
  const { level, at } = answered;
  const report: Report = {
    scale: limit.scale,
    missing,
    mark: undefined,
    left: { level, at },
    lowers: true,
    block: 0,
  };
  const { found } = await store.report(key, report);
  return { before, after: found.level as number, missing, sent: answered };
}

describe('the first report of a bucket', () => {
  const subjects = {
    memory: (clock: ManualClock) => new MemoryStore({ maxKeys: 1000, clock: clock.read }) as Store,
    Redis: (clock: ManualClock) =>
      new RedisStore(stores.client(), { prefix: freshPrefix('first-report'), clock: clock.read }) as Store,
  };
  const outcomes: Record<string, (Told | undefined)[]> = {};

  it.each(['memory', 'Redis'] as const)('knows what was sent after its take, on %s', async (name) => {
    const clock = new ManualClock(START);
    const store = subjects[name](clock);
    let [lowered, raised, unsure] = [0, 0, 0];
    const told: (Told | undefined)[] = [];
    for (let seed = 1; seed <= SEEDS; seed++) told.push(await history(store, `${seed}`, clock, seed));
    outcomes[name] = told;
    for (const one of told) {
      if (one === undefined) continue;
      const { before, after, missing, sent } = one;
      const exact = (missing + sent.later) * ticksPerToken;
      // A bucket that may have been full meanwhile has forgotten what was sent: then a report only ever takes tokens away.
      if (after < before) {
        lowered++;
        expect([sent.wasFull, after]).toEqual([false, exact]);
      } else if (after > before) {
        raised++;
        expect(after).toBeLessThanOrEqual(exact);
      }
      if (sent.wasFull) unsure++;
    }
    expect(Math.min(lowered, raised, unsure)).toBeGreaterThan(5);
  });

  it('is the same on both', () => {
    expect(outcomes.Redis).toEqual(outcomes.memory);
  });
});

describe('after it', () => {
  it('takes are counted, so that each later report is exact', async () => {
    const clock = new ManualClock(START);
    for (const store of [
      new MemoryStore({ maxKeys: 10, clock: clock.read }),
      new RedisStore(stores.client(), { prefix: freshPrefix('counted'), clock: clock.read }),
    ]) {
      const [reply] = await store.decide([{ takes: [take('a', 5)] }]);
      const left = { level: 5 * ticksPerToken, at: clock.now };
      const report = { scale: limit.scale, mark: undefined, lowers: true, block: 0 };
      expect(reply?.admitted).toBe(true);
      await store.report('a', { ...report, missing: 2, left });
      const [next] = await store.decide([{ takes: [take('a', 3)], counted: true }]);
      const [inspected] = await store.inspect(['a']);
      expect(inspected?.record).toMatchObject({
        level: 5 * ticksPerToken,
        since: clock.now,
        sent: 3,
        synced: 0,
      });
      // A late one of before may only take tokens away, and knows nothing of what was sent before the count.
      await store.report('a', { ...report, missing: 0, left });
      expect((await store.inspect(['a']))[0]?.record?.level).toBe(5 * ticksPerToken);
      await store.report('a', { ...report, missing: 1, mark: next?.marks[0] });
      expect((await store.inspect(['a']))[0]?.record?.level).toBe(ticksPerToken);
    }
  });
});
