// What is admitted counts where it starts: who waits was promised that, whatever becomes of the limits until then.
import { describe, expect, it } from '@jest/globals';
import type { Judgement } from '../../lib/limiter/judgement.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import { effort } from '../support/effort.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const STEPS = 200;
const MOST_COST = 3;
// On ticks of one size, and of others.
const RATES = ['1/s', '2/s', '3/s', '7/s', '10/s', '100/s', '7/min', '13/17min', '999/s'];

const stores = useStores();

interface Start {
  readonly at: number;
  readonly cost: number;
}

/** Undefined: it does not wait. */
type Patience = { readonly maxWaitMicros?: number } | undefined;

/** A bucket of which the policy changes. */
class Changing {
  private readonly limiter: Limiter;

  constructor(
    name: string,
    readonly clock = new ManualClock(START),
  ) {
    this.limiter = new Limiter(stores.make(name, clock));
  }

  take(policy: Policy, cost: number, patience?: Patience): Promise<Judgement> {
    const charge = { placed: { id: 'changing', policy }, key: 'key', cost, patience };
    return this.limiter.decide([charge], {}) as Promise<Judgement>;
  }
}

/** Changes, takes and waits at random. */
class Story {
  private readonly random: Random;
  readonly policies: readonly Policy[];
  private policy: Policy;

  constructor(seed: number, make: typeof tokenBucket = tokenBucket) {
    this.random = new Random(seed);
    this.policies = Array.from({ length: 2 + this.random.below(3) }, () =>
      make({ capacity: this.random.spread(30), rate: this.random.pick(RATES) }),
    );
    this.policy = this.policies[0]!;
  }

  next(): { elapsed: number; policy: Policy; cost: number; patience: Patience } {
    const { random } = this;
    if (random.chance(0.1)) this.policy = random.pick(this.policies);
    const { policy } = this;
    const elapsed = random.chance(0.5) ? random.spread(3_000_000) - 1 : 0;
    const cost = random.spread(Math.min(MOST_COST, policy.capacity!));
    const patience = random.pick([undefined, {}, { maxWaitMicros: random.spread(20_000_000) }]);
    return { elapsed, policy, cost, patience };
  }
}

/** The most tokens that any window has beyond `burst + rate × window`. A start is rounded up, so it may be a microsecond closer. */
function excess(starts: readonly Start[], policies: readonly Policy[], burst: number): number {
  const rates = policies.map(({ effectiveRate }) => effectiveRate!);
  const fastest = rates.reduce((a, b) =>
    a.tokens * b.perMicroseconds >= b.tokens * a.perMicroseconds ? a : b,
  );
  const [n, p] = [BigInt(fastest.tokens), BigInt(fastest.perMicroseconds)];
  let [level, at, most] = [0n, START, 0n];
  for (const start of [...starts].sort((a, b) => a.at - b.at)) {
    const left = level - n * BigInt(start.at - at);
    level = (left > 0n ? left : 0n) + BigInt(start.cost) * p;
    at = start.at;
    if (level > most) most = level;
  }
  return Number(most - BigInt(burst) * p - n) / Number(p);
}

describe.each(stores.names)('starts while limits change, on %s', (name) => {
  it.each([
    [
      'the largest capacity',
      tokenBucket,
      (policies: readonly Policy[]) => Math.max(...policies.map((policy) => policy.capacity!)),
    ],
    ['the largest cost, for a line,', leakyBucket, () => MOST_COST],
  ])('are never more than %s and the fastest rate allow in any window', async (_, make, burst) => {
    let waits = 0;
    for (let seed = 1; seed <= (name === 'Redis' ? 60 : effort(300, 3000)); seed++) {
      const [story, bucket] = [new Story(seed, make), new Changing(name)];
      const starts: Start[] = [];
      for (let i = 0; i < STEPS; i++) {
        const { elapsed, policy, cost, patience } = story.next();
        bucket.clock.now += elapsed;
        const { admitted, slot } = await bucket.take(policy, cost, patience);
        if (!admitted) continue;
        starts.push({ at: slot, cost });
        if (slot > bucket.clock.now) waits++;
      }
      expect({ seed, excess: Math.max(0, excess(starts, story.policies, burst(story.policies))) }).toEqual({
        seed,
        excess: 0,
      });
    }
    expect(waits).toBeGreaterThan(1000);
  });

  it.each(['3/s', '100/s', '2000/s'])(
    'that were promised come first when the rate is raised to %s',
    async (rate) => {
      const [bucket, raised] = [new Changing(name), tokenBucket({ capacity: 2, rate })];
      const slow = tokenBucket({ capacity: 2, rate: '1/s' });
      const waits: number[] = [];
      for (let i = 0; i < 4; i++) waits.push((await bucket.take(slow, 1, {})).waitMs);
      expect(waits).toEqual([0, 0, 1000, 2000]);
      bucket.clock.now += 500_000;
      const token = Math.ceil(1000 / Number(rate.split('/')[0]));
      const refused = (await bucket.take(raised, 1)).outcomes[0]!.decision;
      expect(refused).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1500 + token });
      const behind = await bucket.take(raised, 1, { maxWaitMicros: 3_000_000 });
      expect(Math.ceil(behind.waitMs)).toBe(1500 + token);
      // From there on, the new rate counts alone.
      bucket.clock.now += 2_500_000;
      expect((await bucket.take(raised, 1)).outcomes[0]!.decision).toMatchObject({ allowed: true });
    },
  );

  it('of a bucket whose waits pass 2^53 ticks under the new rate are promised still', async () => {
    const bucket = new Changing(name);
    const slow = tokenBucket({ capacity: 100, rate: '1/day' });
    for (let i = 0; i < 2; i++) await bucket.take(slow, 100, {});
    const raised = tokenBucket({ capacity: 1000, rate: '999983/s' });
    const { admitted, outcomes } = await bucket.take(raised, 1);
    expect(admitted).toBe(false);
    // 100 days, and the missing tokens of 100 are fewer than those of 1,000.
    expect(outcomes[0]!.decision.retryAfterMs).toBe(100 * 86_400_000);
  });
});

it('memory and Redis agree on starts while limits change', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const story = new Story(5000 + seed);
    const buckets = stores.names.map((name) => new Changing(name));
    for (let i = 0; i < STEPS; i++) {
      const { elapsed, policy, cost, patience } = story.next();
      const [one, other] = await Promise.all(
        buckets.map(async (bucket) => {
          bucket.clock.now += elapsed;
          const { admitted, slot, outcomes } = await bucket.take(policy, cost, patience);
          return { admitted, slot, ...outcomes[0]!.decision, source: undefined };
        }),
      );
      expect(one).toEqual(other);
    }
  }
});
