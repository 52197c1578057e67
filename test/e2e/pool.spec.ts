import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  CredentialPool,
  type CredentialPoolOptions,
  readOpenAi,
  readShopify,
  type TakenCredential,
  tokenBucket,
} from '../../lib/index.js';
import { MemoryStore } from '../../lib/stores/memory/memory.store.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { AxiosLikeError, axiosLikeGet } from '../support/axios-like.js';
import { ManualClock } from '../support/manual-clock.js';
import { ProviderServer } from '../support/provider-server.js';
import { serviceOn } from '../support/service.js';

const ids = ['first', 'second', 'third'];
const policy = tokenBucket({ capacity: 50, rate: '50/min' });

let provider: ProviderServer;
let store: Store;
let clock: ManualClock;
let log: jest.SpiedFunction<(message: unknown) => void>;

beforeAll(async () => {
  provider = await ProviderServer.start();
});

afterAll(() => provider.stop());

beforeEach(() => {
  provider.answers.clear();
  provider.requests.length = 0;
  clock = new ManualClock(1);
  store = new MemoryStore({ maxKeys: 100, clock: clock.read });
  log = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
});

afterEach(() => {
  jest.restoreAllMocks();
});

/** The same pool in a process of its own. */
function poolIn(on = store, options: Partial<CredentialPoolOptions<string>> = {}): CredentialPool<string> {
  const credentials = ids.map((id) => ({ id, value: `token-of-${id}` }));
  return new CredentialPool(serviceOn(on).service, { name: 'api', policy, credentials, ...options });
}

type Call = (credential: TakenCredential<string>) => Promise<unknown>;
const bearer = ({ value }: TakenCredential<string>) => ({ Authorization: `Bearer ${value}` });

const overFetch = (credential: TakenCredential<string>) =>
  fetch(provider.url, { headers: bearer(credential) });
const overAxios = (credential: TakenCredential<string>) => axiosLikeGet(provider.url, bearer(credential));

/** A client of one's own: what matters is the shape of what it answers. */
async function overOwn(credential: TakenCredential<string>) {
  const answer = await overFetch(credential);
  return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.json() };
}

const clients: [string, Call][] = [
  ['fetch', overFetch],
  ['axios', overAxios],
  ['a client of one’s own', overOwn],
];

/** The credential that a process would get next; undefined where none is available. */
const next = async (pool: CredentialPool<string>) => (await pool.consume({ cost: 0 })).credential?.id;
const remaining = async (pool: CredentialPool<string>) =>
  (await pool.status()).map(({ decision }) => (decision.allowed ? decision.remaining + 1 : 0));
/** What a call answers, or is rejected with. */
const outcome = (call: Promise<unknown>) => call.catch((error: unknown) => error);
const statusOf = (result: unknown) => (result as { status: number }).status;

describe.each(clients)('over %s', (client, call) => {
  it('a pool learns what remains, for all processes', async () => {
    provider.answers.set('token-of-first', { status: 200, headers: { 'X-RateLimit-Remaining': '7' } });
    const [here, there] = [poolIn(), poolIn()];
    expect(statusOf(await here.run(call))).toBe(200);
    expect([await remaining(here), await remaining(there)]).toEqual([
      [7, 50, 50],
      [7, 50, 50],
    ]);
    expect(await next(there)).toBe('second');
  });

  it('it may be more than was thought: the request is newer than every report', async () => {
    provider.answers.set('token-of-first', { status: 200, headers: { 'X-RateLimit-Remaining': '50' } });
    const pool = poolIn();
    await pool.run(call);
    expect(await remaining(pool)).toEqual([50, 50, 50]);
  });

  it('a 429 with Retry-After blocks its credential for all, and reaches the caller', async () => {
    for (const id of ids) {
      provider.answers.set(`token-of-${id}`, {
        status: 429,
        headers: { 'Retry-After': '30' },
        body: { error: id },
      });
    }
    const [here, there] = [poolIn(), poolIn()];
    const refused = await outcome(here.run(call));
    expect(statusOf(refused)).toBe(429);
    expect([await next(here), await next(there)]).toEqual(['second', 'second']);
    await outcome(there.run(call));
    await outcome(here.run(call));
    expect(provider.requests).toEqual(ids.map((id) => `token-of-${id}`));
    clock.now += 10_000_000;
    for (const pool of [here, there]) {
      expect(await pool.consume()).toMatchObject({
        allowed: false,
        credential: undefined,
        retryAfterMs: 20_000,
      });
      await expect(pool.acquire({ maxWaitMs: 19_999 })).rejects.toMatchObject({
        decision: { retryAfterMs: 1 },
      });
    }
    clock.now += 20_000_000;
    expect(await next(there)).toBeDefined();
  });

  it('a 401 takes its credential out of use for all, until it is restored', async () => {
    provider.answers.set('token-of-first', { status: 401 });
    const [here, there] = [poolIn(), poolIn()];
    expect(statusOf(await outcome(here.run(call)))).toBe(401);
    expect((await there.status()).map(({ isQuarantined }) => isQuarantined)).toEqual([true, false, false]);
    clock.now += 1e12;
    for (let i = 0; i < 4; i++) expect(statusOf(await there.run(call))).toBe(200);
    expect(provider.requests.slice(1)).not.toContain('token-of-first');
    expect(await there.restore('first')).toBe(true);
    expect(await next(here)).toBe('first');
  });

  it('a reader that throws changes nothing for the caller, and is logged', async () => {
    const read = () => {
      throw new Error('what is this?');
    };
    const pool = poolIn(store, { read });
    provider.answers.set('token-of-second', { status: 401 });
    expect(statusOf(await pool.run(call))).toBe(200);
    expect(log).toHaveBeenCalledWith('api: nothing was learned from a response: what is this?');
    // And what does not need it is learned.
    expect(statusOf(await outcome(pool.run(call)))).toBe(401);
    expect((await pool.status()).map(({ isQuarantined }) => isQuarantined)).toEqual([false, true, false]);
  });

  it('a store that is gone when the answer comes makes no error of it, and is logged', async () => {
    const gone = () => Promise.reject(new Error('the store is gone'));
    const unreachable = new Proxy(store, {
      get: (target, method: Exclude<keyof Store, 'lease'>) =>
        method === 'report' ? gone : target[method]?.bind(target),
    });
    const pool = poolIn(unreachable);
    provider.answers.set('token-of-first', { status: 200, headers: { 'X-RateLimit-Remaining': '7' } });
    provider.answers.set('token-of-second', { status: 401 });
    expect([statusOf(await pool.run(call)), statusOf(await outcome(pool.run(call)))]).toEqual([200, 401]);
    expect(log.mock.calls).toEqual(
      Array(2).fill(['api: nothing was learned from a response: the store is gone']),
    );
  });

  it('each call takes its cost from the credential with the most left', async () => {
    const pool = poolIn();
    for (let i = 0; i < 4; i++) await pool.run(call, { cost: 10 });
    expect(provider.requests.map((token) => token.slice('token-of-'.length))).toEqual([...ids, 'first']);
    expect([await remaining(pool), client]).toEqual([[30, 40, 40], client]);
  });
});

describe('what a call of fetch answers', () => {
  it('is the response itself, whose body nobody has read', async () => {
    provider.answers.set('token-of-first', {
      status: 429,
      headers: { 'Retry-After': '1' },
      body: { error: 'slow' },
    });
    const response = await poolIn().run(overFetch);
    expect([response.bodyUsed, await response.json()]).toEqual([false, { error: 'slow' }]);
  });
});

describe('what a call of axios rejects with', () => {
  it('is its error itself', async () => {
    provider.answers.set('token-of-first', {
      status: 429,
      headers: { 'Retry-After': '1' },
      body: { error: 'slow' },
    });
    const thrown: unknown[] = [];
    const call: Call = (credential) =>
      overAxios(credential).catch((error: unknown) => {
        thrown.push(error);
        throw error;
      });
    const error = await outcome(poolIn().run(call));
    expect(error).toBe(thrown[0]);
    expect(error).toBeInstanceOf(AxiosLikeError);
  });
});

describe('a reader of one provider', () => {
  it('looks into the body that axios has parsed', async () => {
    const throttleStatus = { maximumAvailable: 50, currentlyAvailable: 12, restoreRate: 2 };
    provider.answers.set('token-of-first', {
      status: 200,
      body: { extensions: { cost: { throttleStatus } } },
    });
    const pool = poolIn(store, { read: readShopify });
    await pool.run(overAxios);
    expect(await remaining(pool)).toEqual([12, 50, 50]);
  });

  it('may be made for the pool', async () => {
    const headers = { 'x-ratelimit-remaining-requests': '40', 'x-ratelimit-remaining-tokens': '3' };
    provider.answers.set('token-of-first', { status: 200, headers });
    const pool = poolIn(store, {
      read: (response) => readOpenAi(response, Date.now(), { dimension: 'tokens' }),
    });
    await pool.run(overFetch);
    expect(await remaining(pool)).toEqual([3, 50, 50]);
  });

  it('decides what a revoked credential is', async () => {
    provider.answers.set('token-of-first', { status: 403, body: { message: 'Bad credentials' } });
    const isRevoked: CredentialPoolOptions<string>['isRevoked'] = ({ body }) =>
      (body as { message?: string }).message === 'Bad credentials';
    const pool = poolIn(store, { isRevoked });
    await outcome(pool.run(overAxios));
    expect((await pool.status()).map(({ isQuarantined }) => isQuarantined)).toEqual([true, false, false]);
  });

  it('that says what no report can is logged', async () => {
    const pool = poolIn(store, { read: () => ({ remaining: -1 }) });
    expect(statusOf(await pool.run(overFetch))).toBe(200);
    expect(log.mock.calls).toEqual([[expect.stringContaining('remaining is -1 (number)')]]);
  });
});

describe('a plain function', () => {
  it.each([
    ['a text', 'done'],
    ['nothing', undefined],
    ['null', null],
    ['a number', 429],
    ['a status without headers', { status: 401 }],
    ['headers without a status', { headers: { 'retry-after': '30' } }],
    ['a status that is a text', { status: '401', headers: {} }],
  ])('that answers %s is handed through, and nothing is learned', async (_, answer) => {
    const pool = poolIn();
    expect(await pool.run(() => answer as never)).toBe(answer);
    expect([await remaining(pool), log.mock.calls]).toEqual([[49, 50, 50], []]);
  });

  it('that throws is handed through, and its token stays taken', async () => {
    const pool = poolIn();
    const failure = new Error('no such host');
    for (const task of [
      () => Promise.reject(failure),
      () => {
        throw failure;
      },
    ]) {
      await expect(pool.run(task)).rejects.toBe(failure);
    }
    expect([await remaining(pool), log.mock.calls]).toEqual([[49, 49, 50], []]);
  });

  it('may tell what it has found itself', async () => {
    const [here, there] = [poolIn(), poolIn()];
    const decision = await here.run((credential) =>
      here.sync(credential, { remaining: 5, retryAfterMs: 1000 }),
    );
    expect(decision).toMatchObject({ allowed: false, policy: 'api/first', retryAfterMs: 1000 });
    expect(await next(there)).toBe('second');
  });
});
