import { describe, expect, it } from '@jest/globals';
import type { Limit } from '../../../lib/algorithms/limit.js';
import { leakyBucket, type Policy, tokenBucket } from '../../../lib/index.js';
import type { Charge } from '../../../lib/limiter/charge.js';
import { mergeSameBucket, transactionOf } from '../../../lib/limiter/entries.js';
import { type Judgement, judge } from '../../../lib/limiter/judgement.js';
import { Limiter } from '../../../lib/limiter/limiter.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import type { TransactionReply } from '../../../lib/stores/store.interface.js';
import { ManualClock } from '../../support/manual-clock.js';
import { Random } from '../../support/oracle/scenario.js';
import { seenIn } from '../../support/seen-judgement.js';

/** The numbers of one policy as they change, so that records are read under other scales than they were written with. */
const NUMBERS = [
  tokenBucket({ capacity: 5, rate: '7/s' }),
  tokenBucket({ capacity: 5, rate: '5/3s' }),
  tokenBucket({ capacity: 8, rate: 0.3 }),
  leakyBucket({ capacity: 3, rate: '100/min', shape: false }),
].map(({ limit }) => limit as Limit);

/** What the way for several charges makes of one. */
function judgeGenerally(store: MemoryStore, charge: Charge, counted: boolean, order: number): Judgement {
  const asked = mergeSameBucket([charge]);
  const [reply] = store.decide([transactionOf(asked, { counted }, false)]);
  return judge([charge], asked, { counted }, reply as TransactionReply, order);
}

describe('a charge that is decided by the short way', () => {
  const policy: Policy = tokenBucket({ name: 'chat', limits: () => 'unlimited' });

  it.each([1, 2, 3, 4])('comes to what the way for several says (seed %i)', async (seed) => {
    const random = new Random(seed);
    const clock = new ManualClock(1e15);
    const [plain, general] = [1, 2].map(() => new MemoryStore({ maxKeys: 5, clock: clock.read }));
    const limiter = new Limiter(plain!);
    const tally = { admitted: 0, refused: 0 };
    for (let order = 1; order <= 3000; order++) {
      clock.now += random.pick([0, 1, 1000, random.below(300_000), -random.below(100_000)]);
      const key = random.pick(['ada', 'bob', 'with space', '%61', '']);
      const charge = {
        placed: { id: 'chat', policy },
        key,
        cost: random.pick([0, 1, 1, 1, 2, 5, 9]),
        limit: random.pick(NUMBERS),
      };
      if (random.chance(0.02)) {
        const block = random.pick([1, 400_000]);
        const report = {
          scale: NUMBERS[0]!.scale,
          missing: undefined,
          mark: undefined,
          lowers: false,
          block,
        };
        for (const store of [plain!, general!]) store.report(`chat:{${key}}`, report);
      }
      const counted = random.chance(0.2);
      const judgement = await limiter.decide([charge], { counted });
      expect(seenIn(judgement)).toEqual(seenIn(judgeGenerally(general!, charge, counted, order)));
      tally[judgement.admitted ? 'admitted' : 'refused']++;
    }
    expect(Math.min(tally.admitted, tally.refused)).toBeGreaterThan(300);
  });
});
