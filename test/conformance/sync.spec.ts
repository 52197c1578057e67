import { describe, expect, it } from '@jest/globals';
import type { Mark } from '../../lib/algorithms/record.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { TakenDecision } from '../../lib/limiter/taken-decision.js';
import { tokenBucket } from '../../lib/options/make-policy.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import { effort } from '../support/effort.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ManualClock } from '../support/manual-clock.js';
import { ratio } from '../support/oracle/rational.js';
import { Random } from '../support/oracle/scenario.js';
import { Provider, type Served } from '../support/provider.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const RUNS = effort(120, 3000);
const [CAPACITY, RATE] = [10, 3];
const TOKEN_MICROS = 1_000_000 / RATE;

const stores = useStores();
const placed = { id: 'bucket', policy: tokenBucket({ capacity: CAPACITY, rate: RATE }) };

/** Two processes of one application: each with a store of its own on one server. In memory they can only share it. */
function twoInstances(name: string, clock: ManualClock): Limiter[] {
  const prefix = freshPrefix('sync');
  const memory = new MemoryStore({ maxKeys: 1000, clock: clock.read });
  const store = () =>
    name === 'memory' ? memory : new RedisStore(stores.client(), { prefix, clock: clock.read });
  return [new Limiter(store()), new Limiter(store())];
}

async function levelOf(limiter: Limiter, key: string): Promise<bigint> {
  const { outcomes } = await limiter.decide([{ placed, key, cost: 0 }], { peek: true });
  return BigInt(outcomes[0]!.level);
}

/** A request that has been sent: `order` is that of the decisions. */
interface Sent {
  readonly order: number;
  readonly mark: Mark | undefined;
  readonly answer: Served;
}

const NOTHING_YET = { sent: 0, lowered: 0, raised: 0, late: 0, lateRaised: 0, refusedByProvider: 0 };

/** Sends and answers in any order, perhaps beside others who use the same quota. */
async function interleave(limiter: Limiter, clock: ManualClock, seed: number, count: typeof NOTHING_YET) {
  const [random, provider, key] = [
    new Random(seed),
    new Provider(CAPACITY, ratio(3n, 1_000_000n)),
    `${seed}`,
  ];
  const others = random.chance(0.5);
  const open: Sent[] = [];
  let newest = -1;
  for (let order = 0; order < 40; order++) {
    clock.now += random.pick([0, 0, 1, random.below(TOKEN_MICROS), random.below(2 * TOKEN_MICROS)]);
    if (others && random.chance(0.2)) provider.serve(clock.now, 1 + random.below(3));
    if (random.chance(0.5)) {
      const cost = 1 + random.below(3);
      const { admitted, outcomes } = await limiter.decide([{ placed, key, cost }], { counted: true });
      if (!admitted) continue;
      open.push({
        order,
        mark: TakenDecision.markOf(outcomes[0]!.decision),
        answer: provider.serve(clock.now, cost),
      });
      count.sent++;
    } else if (open.length > 0) {
      const answered = random.pick(open);
      // Some answers come twice: a client that retries, a log that is read again.
      if (random.chance(0.9)) open.splice(open.indexOf(answered), 1);
      await report(limiter, key, answered, newest, count);
      newest = Math.max(newest, answered.order);
    }
  }
}

async function report(
  limiter: Limiter,
  key: string,
  { order, mark, answer }: Sent,
  newest: number,
  count: typeof NOTHING_YET,
): Promise<void> {
  const { allowed, remaining, retryAfterMs } = answer;
  const before = await levelOf(limiter, key);
  const blocked = retryAfterMs === undefined ? {} : { retryAfterMs };
  const marked = mark === undefined ? {} : { mark };
  const { decision } = await limiter.sync({ placed, key }, { remaining, ...blocked, ...marked });
  const after = await levelOf(limiter, key);
  if (!allowed) {
    count.refusedByProvider++;
    expect([decision.allowed, decision.remaining]).toEqual([false, 0]);
    expect(decision.retryAfterMs).toBeGreaterThanOrEqual(retryAfterMs ?? 0);
  }
  if (after < before) count.lowered++;
  if (after > before) count.raised++;
  if (order > newest) return;
  count.late++;
  if (after > before) count.lateRaised++;
  if (after < before) throw new Error(`a report of ${order}, after one of ${newest}: ${before} → ${after}`);
}

describe.each(stores.names)('what a provider reports, on %s', (name) => {
  it('never lowers the level out of order, however sends and reports interleave', async () => {
    const clock = new ManualClock(START);
    const limiter = new Limiter(stores.make(name, clock));
    const count = { ...NOTHING_YET };
    for (let seed = 1; seed <= RUNS; seed++) {
      try {
        await interleave(limiter, clock, seed, count);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    for (const [what, times] of Object.entries(count)) expect([what, times > 20]).toEqual([what, true]);
  });

  it('stops every instance within one call, whoever waits too', async () => {
    const clock = new ManualClock(START);
    const instances = twoInstances(name, clock);
    const count = { refused: 0, placed: 0, impatient: 0 };
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = new Random(seed);
      const key = `${seed}`;
      const charge = { placed, key, cost: 1 };
      const [told, other] = random.chance(0.5) ? instances : [...instances].reverse();
      let taken = 0;
      for (let sends = random.below(12); sends > 0; sends--) {
        clock.now += random.below(TOKEN_MICROS);
        if ((await random.pick(instances).decide([charge], { counted: true })).admitted) taken++;
      }
      const retryAfterMs = 1 + random.spread(30_000);
      await told!.sync({ placed, key }, { retryAfterMs });
      const end = clock.now + 1000 * retryAfterMs;

      // At most 4 s are needed to refill what was taken, beyond them it is the block alone.
      const { outcomes, admitted } = await other!.decide([charge]);
      expect([admitted, outcomes[0]!.decision.remaining]).toEqual([false, 0]);
      const wait = outcomes[0]!.decision.retryAfterMs!;
      expect(wait).toBeGreaterThanOrEqual(retryAfterMs);
      if (taken < CAPACITY || retryAfterMs >= 4000) expect(wait).toBe(retryAfterMs);
      count.refused++;

      const hasty = { ...charge, patience: { maxWaitMicros: 1000 * retryAfterMs - 1 } };
      expect((await other!.decide([hasty])).admitted).toBe(false);
      count.impatient++;

      clock.now += random.below(1000 * retryAfterMs);
      const patient = { ...charge, patience: { maxWaitMicros: 60_000_000 } };
      const waiting = await other!.decide([patient]);
      expect(waiting.admitted).toBe(true);
      const { delayMs } = waiting.outcomes[0]!.decision;
      expect(clock.now + 1000 * delayMs).toBeGreaterThanOrEqual(end);
      count.placed++;

      clock.now = end - 1;
      for (const instance of instances) expect((await instance.decide([charge])).admitted).toBe(false);
      clock.now = end + 4_000_000;
      for (const instance of instances) expect((await instance.decide([charge])).admitted).toBe(true);
    }
    expect(count).toEqual({ refused: RUNS, placed: RUNS, impatient: RUNS });
  });
});
