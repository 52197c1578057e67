import assert from 'node:assert/strict';
import type { INestApplication } from '@nestjs/common';
import { RateLimiterService, RateLimitModule } from 'nestjs-floodgate';
import { type BucketRecord, RecordStore, type Work } from 'nestjs-floodgate/store';
import { policiesOf, RateLimitTesting, RateLimitTestingModule } from 'nestjs-floodgate/testing';
import { appWith, CatsController, jobs } from './app.module.js';

/** A store of a user's own. */
class MapStore extends RecordStore {
  private readonly records = new Map<string, BucketRecord>();

  protected step<T>(keys: readonly string[], work: Work<T>): T {
    const stored = [...this.records].filter(([key]) => keys.includes(key));
    const { answer, writes } = work(new Map(stored), 1);
    for (const [key, record] of writes) {
      if (record) this.records.set(key, record);
      else this.records.delete(key);
    }
    return answer;
  }
}

export const kitModule = () => appWith(RateLimitTestingModule.forRoot({ policies: [jobs] }));
export const ownStoreModule = () =>
  appWith(RateLimitModule.forRoot({ store: new MapStore(), policies: [jobs] }));

/** What the other entries export works on what the first one does. */
export async function checkKit(app: INestApplication): Promise<void> {
  await app.init();
  const [limiter, testing] = [app.get(RateLimiterService), app.get(RateLimitTesting)];
  const allowed = async () => (await limiter.consume(jobs, 'nightly')).allowed;
  assert.deepEqual([await allowed(), await allowed()], [true, true]);
  testing.enforce(jobs);
  assert.deepEqual([await allowed(), await allowed()], [true, false]);
  testing.clock.advance(86_400_000);
  assert.equal(await allowed(), true);
  assert.equal(policiesOf(app, CatsController, 'find')[0]?.policy, 'CatsController.find');
}

export async function checkOwnStore(app: INestApplication): Promise<void> {
  await app.init();
  const limiter = app.get(RateLimiterService);
  assert.equal((await limiter.consume(jobs, 'nightly')).source, 'custom');
  assert.equal((await limiter.consume(jobs, 'nightly')).allowed, false);
}
