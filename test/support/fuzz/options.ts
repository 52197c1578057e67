import { byGlobal, byHeader, byIp, byUser, fromIps, leakyBucket, tokenBucket } from '../../../lib/index.js';
import { MemoryStore } from '../../../lib/stores/memory/memory.store.js';
import { mostly, type Shape } from './values.js';

const yes = () => true;
const one = () => 1;
const key = mostly(byIp(), byUser(), byHeader('x-key'), byGlobal(), () => 'ada');
const chat = tokenBucket({ name: 'chat', capacity: 5, rate: 5 });
const mail = leakyBucket({ name: 'mail', capacity: 5, rate: 5 });
const lists = mostly<unknown>([], [chat], [chat, mail], [mail, mail], [chat, undefined], [null]);

/** Every option of `tokenBucket` and `leakyBucket`. */
export const policyShape: Shape = {
  name: mostly('chat', 'mail', 'a/b', '~', 'x'.repeat(128), 'x'.repeat(129), 'a b'),
  capacity: mostly(1, 10, 1000, 2 ** 40, 2 ** 53 - 1),
  rate: mostly<unknown>(1, 0.1, 1e9, 100 / 60, '5/s', '100/min', '7/day', '999983/day', '30/10s'),
  key,
  cost: mostly<unknown>(0, 1, 5, 11, one),
  stage: mostly('guard', 'handler'),
  limits: mostly<unknown>(one, undefined, undefined, undefined),
  limitsTtlMs: mostly(undefined, undefined, 0, 1000),
  skip: mostly<unknown>(yes, fromIps('10.0.0.0/8')),
  allow: mostly<unknown>([], ['ada'], ['']),
  settle: mostly(one),
  maxDebt: mostly(0, 5, 2 ** 53 - 1),
  reservationTtlMs: mostly(1000, 86_400_000),
  shadow: mostly<unknown>(true, false, {}, { headers: true }),
  onStoreError: mostly('memory', 'allow', 'deny'),
  maxWaitMs: mostly(0, 5, 2 ** 43),
  lease: mostly<unknown>(
    undefined,
    undefined,
    true,
    { ttlMs: 100, tokens: 5 },
    { ttlMs: 99 },
    { perSecond: 0 },
    { ms: 1 },
  ),
  shape: mostly(true, false),
};

/** Every option of `forRoot`. */
export const moduleShape: Shape = {
  redis: mostly<unknown>(undefined, 'redis://127.0.0.1:1', { host: 'a' }, { defineCommand: one }),
  store: mostly<unknown>(undefined, undefined, new MemoryStore({ maxKeys: 1 })),
  prefix: mostly('floodgate', 'a:b', 'x'.repeat(128), 'a b', '{a}'),
  crossSlot: mostly(true, false),
  partitions: mostly(1, 24, 16_384, 0, 16_385, 1.5),
  memory: mostly<unknown>({}, { maxKeys: 1 }, { maxKeys: 2 ** 24 }, { maxKeys: 0 }, { max: 1 }),
  newKeys: mostly<unknown>(undefined, { capacity: 10, rate: 5 }, { capacity: 10 }, { rate: 5, capacity: 0 }),
  key,
  policies: lists,
  global: lists,
  headers: mostly('standard', 'legacy', 'both', 'none'),
  refusal: mostly<unknown>(
    {},
    { message: 'Slow.' },
    { status: 503 },
    { body: one },
    { exceptionFactory: one },
  ),
  drainMs: mostly(0, 5000),
  fullest: mostly(true, false),
  skip: mostly<unknown>(yes, fromIps('10.0.0.0/8')),
  shadow: mostly<unknown>(true, false, { headers: true }),
  limitsRefreshMs: mostly(0, 1000),
  storeTimeoutMs: mostly(1, 100),
  onStoreError: mostly('memory', 'allow', 'deny'),
  fallbackInstances: mostly(1, 4),
  refusalCacheMs: mostly(0, 1000),
  sourceHeader: mostly(true, false),
};
