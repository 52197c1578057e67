import { describe, expect, it } from '@jest/globals';
import { Limiter } from '../../lib/limiter/limiter.js';
import { parseLimits } from '../../lib/options/limits.js';
import { tokenBucket } from '../../lib/options/make-policy.js';
import { effort } from '../support/effort.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const SEEDS = effort(2, 20);
const START = Date.UTC(2100, 0) * 1000;
const SECONDS = 3;

const api = tokenBucket({ name: 'api', limits: () => 'unlimited' });

/** Pairs of plans, the larger one last: in capacity, in rate, and on another scale of ticks. */
const pairs = [
  [
    { capacity: 5, rate: '10/s' },
    { capacity: 20, rate: '100/s' },
  ],
  [
    { capacity: 3, rate: '7/min' },
    { capacity: 10, rate: '30/s' },
  ],
] as const;
const tokensPerMicro = (rate: string) => (rate === '100/s' ? 1e-4 : 3e-5);

const stores = useStores();

describe.each(stores.names)('a user who moves between plans a thousand times a second, on %s', (name) => {
  it.each(pairs)('never gets more than the larger plan alone would give: %p, %p', async (small, large) => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = new Random(seed);
      const clock = new ManualClock(START);
      const limiter = new Limiter(stores.make(name, clock));
      const limits = [small, large].map((plan) => parseLimits(plan, api.shape, 'plan'));
      // What the larger plan alone would have taken: as long as it has room for all that was admitted, so had any window.
      let [level, at, admitted] = [0, START, 0];
      for (let ms = 0; ms < SECONDS * 1000; ms++) {
        clock.now = START + ms * 1000 + random.below(1000);
        const charge = {
          placed: { id: 'api', policy: api },
          key: `ada ${seed}`,
          cost: 1,
          limit: random.pick(limits),
        };
        // As fast as it can, with either plan.
        const { admitted: passes } = await limiter.decide([charge]);
        if (!passes) continue;
        level = Math.max(0, level - (clock.now - at) * tokensPerMicro(large.rate)) + 1;
        at = clock.now;
        admitted++;
        expect(level).toBeLessThanOrEqual(large.capacity + 1e-6);
      }
      expect(admitted).toBeGreaterThan(large.capacity);
    }
  });
});
