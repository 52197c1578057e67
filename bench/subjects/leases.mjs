// One key that several processes ask for, faster than its rate.
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { tokenBucket } from '../lib/floodgate.mjs';
import { paced } from '../lib/paced.mjs';
import { clientFor } from '../lib/servers.mjs';
import { serviceWith, storeOptions } from './ours.mjs';

/** @param {{ urls: string[], capacity: number, rate: number, lease: boolean }} setup */
export async function ours(setup) {
  const { capacity, rate, lease } = setup;
  const limiter = await serviceWith(storeOptions(setup));
  const policy = tokenBucket({ name: 'hot', capacity, rate, ...(lease ? { lease } : {}) });
  return paced(
    () => limiter.consume(policy, 'all'),
    ({ allowed }) => allowed,
  );
}

/** A window of a second with as many points as the rate has tokens. */
export async function flexible(setup) {
  const storeClient = await clientFor({ ...setup, autoPipelining: true });
  const limiter = new RateLimiterRedis({ storeClient, points: setup.rate, duration: 1 });
  return paced(
    () => limiter.consume('all'),
    ({ consumedPoints }) => consumedPoints <= setup.rate,
  );
}

/** What the calls cost without a limiter. */
export async function nothing() {
  return paced(
    async () => true,
    (answer) => answer,
  );
}
