// Whoever changes limits at run time mints nothing: see plan-change.spec.ts for limits that a request brings along.
import { describe, expect, it } from '@jest/globals';
import { LiveLimits } from '../../lib/limiter/live-limits.js';
import { tokenBucket } from '../../lib/options/make-policy.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { serviceOn } from '../support/service.js';
import { useStores } from '../support/stores.js';

const SEEDS = 2;
const START = Date.UTC(2100, 0) * 1000;
const SECONDS = 1;

const small = { capacity: 3, rate: '7/min' } as const;
const large = { capacity: 10, rate: '30/s' } as const;
const tokensPerMicro = 30 / 1e6;
const api = tokenBucket({ name: 'api', ...small });

const stores = useStores();

describe.each(stores.names)(
  'limits that another instance changes a thousand times a second, on %s',
  (name) => {
    it.each([0, 3])('never give more than the faster alone would, known for %p ms', async (refreshMs) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const random = new Random(seed);
        const clock = new ManualClock(START);
        const store = stores.make(name, clock);
        const setter = serviceOn(store).service;
        const consumer = serviceOn(store, new LiveLimits(store, refreshMs, () => clock.now / 1000)).service;
        const used = new Set<number>();
        // What the faster alone would have taken: as long as it has room for all that was admitted, so had any window.
        let [level, at, admitted] = [0, START, 0];
        for (let ms = 0; ms < SECONDS * 1000; ms++) {
          clock.now = START + ms * 1000 + random.below(1000);
          const change =
            random.below(10) === 0
              ? setter.clearLimits(api)
              : setter.setLimits(api, random.pick([small, large]));
          // At the same moment, so that either may come first.
          const [{ allowed, limit }] = await Promise.all([consumer.consume(api, `ada ${seed}`), change]);
          used.add(limit);
          if (!allowed) continue;
          level = Math.max(0, level - (clock.now - at) * tokensPerMicro) + 1;
          at = clock.now;
          admitted++;
          expect(level).toBeLessThanOrEqual(large.capacity + 1e-6);
        }
        expect([...used].sort()).toEqual([large.capacity, small.capacity]);
        expect(admitted).toBeGreaterThan(large.capacity);
      }
    });
  },
);
