// Who stands in the rows about Redis.
import { bothWays } from '../lib/better.mjs';

export const OURS = 'nestjs-floodgate';
export const FLEXIBLE = 'rate-limiter-flexible';
export const NEST_LAB = '@nest-lab/throttler-storage-redis';
export const RATE_LIMIT_REDIS = 'rate-limit-redis';

export const ours = { title: OURS, module: 'ours', name: 'one' };
export const flexible = { title: FLEXIBLE, module: 'peers', name: 'flexible' };
const nonAtomic = { title: `${FLEXIBLE}, not atomic`, module: 'peers', name: 'flexibleNonAtomic' };
const nestLab = { title: NEST_LAB, module: 'peers', name: 'nestLab' };
const rateLimitRedis = { title: RATE_LIMIT_REDIS, module: 'peers', name: 'rateLimitRedis' };

export const peers = [flexible, nonAtomic, nestLab, rateLimitRedis].flatMap(bothWays);

const floor = (title, name) => bothWays({ title, module: 'floors', name });

export const floors = [
  ...floor('PING', 'ping'),
  ...floor('INCR', 'incr'),
  ...floor('an empty script', 'emptyScript'),
  { title: 'the loop alone', module: 'floors', name: 'nothing', servers: 'none' },
];

/** The same, with other settings. */
export const having = (contenders, setup) =>
  contenders.map((contender) => ({ ...contender, setup: { ...contender.setup, ...setup } }));
