import { RateLimitError } from '../../errors/rate-limit.error.js';
import { bucket, same, take, token } from './bench.js';
import type { Cases } from './cases.js';

const limit = token(10, 1);

/** What a store may leave out, if it says so. */
const unlessRefused = async (check: () => Promise<void>): Promise<void> => {
  try {
    await check();
  } catch (error) {
    if (!(error instanceof RateLimitError)) throw error;
  }
};

/** What a store keeps besides, for those who run the application. */
export const keepingCases: Cases = {
  'finds the buckets of a policy, unless it says that it cannot': (bench) =>
    unlessRefused(async () => {
      await bench.decide([take(limit, 'ab'), take(limit, 'a')]);
      await bench.store.remember('a', [{ bucket: bucket('a'), fullAfterMs: 1000 }]);
      await bench.store.remember('ab', [{ bucket: bucket('ab'), fullAfterMs: 1000 }]);
      same(await bench.store.bucketsOf('a'), [bucket('a')], 'its own, and those of no other policy');
    }),

  'keeps the limits that are set at run time, unless it says that it cannot': (bench) =>
    unlessRefused(async () => {
      const { store } = bench;
      const limits = async () => [...(await store.readLimits())].sort();
      same(await limits(), [], 'none at first');
      await store.writeLimits('chat', '5 at 1/s');
      await store.writeLimits('mail', '1 at 1/s');
      await store.writeLimits('chat', '10 at "2/s"');
      await store.reset(bucket('chat'));
      bench.move(1e15);
      same(await limits(), [['chat', '10 at "2/s"'], ['mail', '1 at 1/s']], 'the last of each, for good'); // biome-ignore format: a table
      same(await store.deleteLimits('chat'), true, 'there were some');
      same(await store.deleteLimits('chat'), false, 'there are none any more');
      same(await limits(), [['mail', '1 at 1/s']], 'those of the other are still there');
    }),
};
