import { describe, expect, it } from '@jest/globals';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import { ask } from '../support/limits.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const SECOND = 1_000_000;

const stores = useStores();

describe.each(stores.names)('when the clock of the store steps, on %s', (name) => {
  it('admits no more than capacity + rate × its forward movement, however it jumps', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new Random(seed);
      const clock = new ManualClock(START);
      const { take, peek } = ask(stores.make(name, clock));
      const policy = tokenBucket({ capacity: 1 + random.below(20), rate: 1 + random.below(50) });
      let [admitted, forward] = [0, 0];
      for (let i = 0; i < 300; i++) {
        const step = random.chance(0.2) ? -random.spread(100 * SECOND) : random.spread(SECOND);
        clock.now += step;
        if (step > 0) forward += step;
        if (random.chance(0.2)) await peek(policy, 'key');
        else if ((await take(policy, 'key')).allowed) admitted++;
        const earned = BigInt(policy.rate!) * BigInt(forward);
        expect(BigInt(admitted - policy.capacity!) * BigInt(SECOND) <= earned).toBe(true);
      }
    }
  });

  it('never freezes a bucket: after a step of a year it refills from then on', async () => {
    const clock = new ManualClock(START);
    const { take } = ask(stores.make(name, clock));
    const policy = tokenBucket({ capacity: 10, rate: 10 });
    await take(policy, 'key', 10);
    clock.now -= 365 * 86_400 * SECOND;
    expect(await take(policy, 'key')).toMatchObject({ allowed: false, retryAfterMs: 100 });
    clock.now += 100_000;
    expect(await take(policy, 'key')).toMatchObject({ allowed: true });
  });

  it.each(['peek', 'take'] as const)(
    'a %s that moves the record back keeps its own promise',
    async (asking) => {
      const clock = new ManualClock(START);
      const asker = ask(stores.make(name, clock));
      for (const policy of [
        tokenBucket({ capacity: 3, rate: '7/s' }),
        leakyBucket({ capacity: 3, rate: '7/s' }),
      ]) {
        await asker.take(policy, policy.algorithm, 3);
        clock.now -= 5 * SECOND;
        const refused = await asker[asking](policy, policy.algorithm, 2);
        expect(refused).toMatchObject({ allowed: false, remaining: 0 });
        clock.now += refused.retryAfterMs! * 1000;
        expect(await asker.take(policy, policy.algorithm, 2)).toMatchObject({ allowed: true });
      }
    },
  );
});
