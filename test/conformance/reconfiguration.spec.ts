import { describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { effort } from '../support/effort.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { ask } from '../support/limits.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const RATES = ['3/s', '7/day', '999/s', '1000000/s', '100/min', '13/17min', 0.1, '999983/day', '5/s', '6/s'];

const SEEDS = effort(15, 100);

const stores = useStores();

/** `tokens ≤ capacity + rate × elapsed`, in integers. */
function withinBound(tokens: number, capacity: number, fastest: Policy, elapsed: number): boolean {
  const { tokens: n, perMicroseconds: p } = fastest.effectiveRate!;
  return BigInt(tokens - capacity) * BigInt(p) <= BigInt(n) * BigInt(elapsed);
}

const perMicro = ({ effectiveRate }: Policy) => effectiveRate!.tokens / effectiveRate!.perMicroseconds;

/** Random changes among policies, or two of them in alternation; every decision is held against the bound. */
async function changeAtRandom(
  store: Store,
  clock: ManualClock,
  policies: Policy[],
  random: Random,
  steps: number,
) {
  const { take } = ask(store, 'changing');
  const fastest = policies.reduce((a, b) => (perMicro(a) >= perMicro(b) ? a : b));
  const capacity = Math.max(...policies.map((policy) => policy.capacity!));
  let [admitted, policy] = [0, policies[0]!];
  for (let i = 0; i < steps; i++) {
    if (policies.length === 2 || random.chance(0.3)) policy = random.pick(policies);
    clock.now += random.spread(5_000_000) - 1;
    const cost = random.spread(policy.capacity!);
    const decision = await take(policy, 'key', cost);
    if (decision.allowed) admitted += cost;
    expect(decision.remaining).toBeGreaterThanOrEqual(0);
    expect(withinBound(admitted, capacity, fastest, clock.now - START)).toBe(true);
  }
}

describe.each(stores.names)('when limits change, on %s', (name) => {
  const policyAt = (random: Random) =>
    (random.chance(0.5) ? tokenBucket : leakyBucket)({
      capacity: random.spread(10_000),
      rate: random.pick(RATES),
    });

  it('no sequence of changes earns more than the fastest rate in force', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(seed);
      const clock = new ManualClock(START);
      const policies = Array.from({ length: 3 + random.below(4) }, () => policyAt(random));
      await changeAtRandom(stores.make(name, clock), clock, policies, random, 200);
    }
  });

  it('nor does a rolling deploy in which the old and the new limits alternate', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(1000 + seed);
      const clock = new ManualClock(START);
      const policies = [policyAt(random), policyAt(random)];
      await changeAtRandom(stores.make(name, clock), clock, policies, random, 200);
    }
  });

  it('who is refused under the new limits and waits exactly as told is admitted', async () => {
    let waits = 0;
    const tries = name === 'Redis' ? 300 : effort(3000, 20_000);
    for (let seed = 1; seed <= tries; seed++) {
      const random = new Random(3000 + seed);
      const clock = new ManualClock(START);
      const store = stores.make(name, clock);
      const { take, peek } = ask(store, 'changing');
      const old = policyAt(random);
      const options = { capacity: random.spread(100), rate: random.pick(RATES) };
      const maxWaitMs = random.spread(100_000);
      const policy = random.pick([
        tokenBucket(options),
        leakyBucket(options),
        leakyBucket({ ...options, maxWaitMs }),
      ]);
      await take(old, 'key', random.spread(old.capacity!));
      clock.now += random.spread(1_000_000) - 1;
      const cost = random.spread(policy.capacity!);
      const told = await peek(policy, 'key', cost);
      if (told.allowed) continue;
      waits++;
      clock.now += told.retryAfterMs! * 1000;
      expect(await take(policy, 'key', cost)).toMatchObject({ allowed: true });
    }
    expect(waits).toBeGreaterThan(50);
  });

  it('a raise takes effect at once, and back and forth mints nothing', async () => {
    const clock = new ManualClock(START);
    const { take, peek } = ask(stores.make(name, clock), 'plan');
    const [free, pro] = [
      tokenBucket({ capacity: 10, rate: 1 }),
      tokenBucket({ capacity: 100, rate: '10/s' }),
    ];
    await take(free, 'ada', 10);
    expect(await peek(free, 'ada')).toMatchObject({ allowed: false, remaining: 0 });
    expect(await peek(pro, 'ada')).toMatchObject({ allowed: true, remaining: 89 });
    clock.now += 500_000;
    // Half a second at the new rate: 5 tokens back.
    expect(await take(pro, 'ada', 95)).toMatchObject({ allowed: true, remaining: 0 });
    expect(await peek(free, 'ada')).toMatchObject({ allowed: false, remaining: 0 });
    expect(await peek(pro, 'ada')).toMatchObject({ allowed: false, remaining: 0 });
  });

  it('a lowered capacity is never negative, and the excess drains first', async () => {
    const clock = new ManualClock(START);
    const { take, peek } = ask(stores.make(name, clock), 'plan');
    const [pro, free] = [tokenBucket({ capacity: 100, rate: 10 }), tokenBucket({ capacity: 10, rate: 10 })];
    await take(pro, 'ada', 100);
    const refused = await peek(free, 'ada');
    expect(refused).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 9_100 });
    clock.now += 9_100_000;
    expect(await take(free, 'ada')).toMatchObject({ allowed: true, remaining: 0 });
  });
});

describe('expiry', () => {
  it('dropping a record when it expires changes no later decision, whichever policy reads it', async () => {
    const [client, admin] = [stores.client(), stores.admin()];
    for (let seed = 1; seed <= 10; seed++) {
      const random = new Random(2000 + seed);
      const clock = new ManualClock(START);
      const policies = Array.from({ length: 3 }, () =>
        tokenBucket({ capacity: random.spread(1000), rate: random.pick(RATES) }),
      );
      const [kept, dropped] = [freshPrefix('kept'), freshPrefix('dropped')];
      const ofKept = ask(new RedisStore(client, { prefix: kept, clock: clock.read }), 'b');
      const ofDropped = ask(new RedisStore(client, { prefix: dropped, clock: clock.read }), 'b');
      let drops = 0;
      for (let i = 0; i < 300; i++) {
        clock.now += random.spread(100_000_000) - 1;
        const expiry = await admin.pexpiretime(`${dropped}:b:{key}`);
        if (expiry > 0 && expiry * 1000 <= clock.now) drops += await admin.del(`${dropped}:b:{key}`);
        const policy = random.pick(policies);
        const cost = random.spread(policy.capacity!);
        expect(await ofDropped.take(policy, 'key', cost)).toEqual(await ofKept.take(policy, 'key', cost));
      }
      expect(drops).toBeGreaterThan(0);
    }
  });
});
