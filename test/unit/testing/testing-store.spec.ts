import { expect, it } from '@jest/globals';
import { algorithms } from '../../../lib/algorithms/index.js';
import { bucketKey } from '../../../lib/limiter/bucket-key.js';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { TestingStore } from '../../../lib/testing/testing.store.js';

const limit = tokenBucket({ capacity: 1, rate: 1 }).limit!;

it('finds a bucket that is not enforced full for each transaction of a batch', async () => {
  const store = new TestingStore(() => 1);
  const transaction = { takes: [algorithms['token-bucket'](limit, bucketKey('chat', 'ada'), 1)] };
  const admitted = async () =>
    (await store.decide([transaction, transaction])).map((reply) => reply.admitted);
  expect(await admitted()).toEqual([true, true]);
  store.enforce(['chat']);
  expect(await admitted()).toEqual([true, false]);
});

it('tells policies apart whose names begin alike, and those with signs that are escaped', async () => {
  const store = new TestingStore(() => 1);
  const take = (policy: string) => ({
    takes: [algorithms['token-bucket'](limit, bucketKey(policy, 'a'), 1)],
  });
  store.enforce(['chat', 'Cats@{2}.find']);
  for (const policy of ['chat', 'chat2', 'Cats@{2}.find', 'Cats@{2}.find#2'])
    await store.decide([take(policy)]);
  const replies = await store.decide(['chat', 'chat2', 'Cats@{2}.find', 'Cats@{2}.find#2'].map(take));
  expect(replies.map(({ admitted }) => admitted)).toEqual([false, true, false, true]);
});
