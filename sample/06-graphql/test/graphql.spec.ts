import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Client, createClient } from 'graphql-ws';
import { RateLimiterService } from 'nestjs-floodgate';
import { WebSocket } from 'ws';
import { bootApp, closeApps, type TestApp } from '../../../test/support/app.js';
import * as docs from '../../../test/support/docs/markdown.js';
import { eventually } from '../../../test/support/eventually.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { operate } from '../../../test/support/transports/graphql.js';
import { Fetcher } from '../../../test/support/transports/http.js';
import { AppModule } from '../src/app.module.js';
import { Posts } from '../src/posts.js';

const MINUTE = 60_000_000;

let app: TestApp;
let clock: ManualClock;
const clients: Client[] = [];

beforeEach(async () => {
  clock = new ManualClock(1);
  app = await bootApp({ rateLimit: false, imports: [AppModule], clock });
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
  await closeApps();
});

const ask = async (query: string) => (await operate(new Fetcher(), app.url, query)).body;
const decisionOf = ({ errors }: Awaited<ReturnType<typeof ask>>) => errors?.[0]?.extensions.decision;

it('a query costs its fields times the posts that it asks for', async () => {
  expect(await ask('{ posts(first: 20) { title related { title } } }')).toEqual({
    data: { posts: [{ title: 'Buckets', related: [] }] },
  });
  expect(decisionOf(await ask('{ posts(first: 50) { title } }'))).toMatchObject({ remaining: 40 });
  // What was refused took nothing.
  expect((await ask('{ posts(first: 40) { title } }')).errors).toBeUndefined();
});

it('a fragment and an alias cost like what they stand for', async () => {
  await ask('query { posts(first: 10) { ...F ...F } } fragment F on Post { title related { title } }');
  expect(decisionOf(await ask('{ posts(first: 99) { title } }'))).toMatchObject({ remaining: 40 });
  const twice = await ask('{ a: posts(first: 30) { title } b: posts(first: 30) { title } }');
  expect(twice.errors).toMatchObject([{ path: ['b'] }]);
});

it('is refused as README says, and admitted when it has waited as long as it was told', async () => {
  await ask('{ posts(first: 20) { title related { title } } }');
  const query = '{ posts(first: 50) { title } }';
  const example = docs.fenceWith(docs.readPage('sample/06-graphql/README.md'), 'json', 'RATE_LIMITED');
  expect(await ask(query)).toEqual(JSON.parse(example.code));
  clock.now += 6_000_000 - 1;
  expect((await ask(query)).errors).toHaveLength(1);
  clock.now += 1;
  expect((await ask(query)).errors).toBeUndefined();
});

it('what asks for more than all is never admitted', async () => {
  expect(decisionOf(await ask('{ posts(first: 2147483647) { title } }'))).toMatchObject({
    retryAfterMs: null,
    remaining: 100,
  });
});

it('an address may write 3 posts at once, then 3 per minute', async () => {
  const add = 'mutation { addPost(title: "Hello") { title } }';
  for (let i = 0; i < 3; i++) expect(await ask(add)).toEqual({ data: { addPost: { title: 'Hello' } } });
  expect(decisionOf(await ask(add))).toMatchObject({ policy: 'writes', retryAfterMs: 20_000 });
  clock.now += MINUTE / 3;
  expect((await ask(add)).errors).toBeUndefined();
});

it('a subscription counts when it begins, not for each of its events; the third is refused', async () => {
  const first = subscribe();
  const event = first.next();
  let isThere = false;
  void event.then(() => {
    isThere = true;
  });
  await eventually(() => {
    app.app.get(Posts).add('news');
    return isThere;
  }, 'the first event has come');
  expect(await event).toMatchObject({ value: { data: { postAdded: { title: 'news' } } } });
  app.app.get(Posts).add('more news');
  expect(await first.next()).toMatchObject({ value: { data: { postAdded: {} } } });
  expect(await subscriptionsLeft()).toBe(1);

  subscribe();
  await eventually(async () => (await subscriptionsLeft()) === 0, 'the second has begun');
  const decision = { policy: 'subscriptions', retryAfterMs: 30_000 };
  expect(await subscribe().next()).toMatchObject({
    value: { errors: [{ extensions: { code: 'RATE_LIMITED', decision } }] },
  });
});

async function subscriptionsLeft(): Promise<number> {
  const decision = await app.app.get(RateLimiterService).peek('subscriptions', '127.0.0.1', { cost: 0 });
  return decision.remaining;
}

/** Begins a subscription, on a connection of its own. */
function subscribe(): AsyncIterableIterator<unknown> {
  const url = `${app.url.replace('http', 'ws')}/graphql`;
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 });
  clients.push(client);
  return client.iterate({ query: 'subscription { postAdded { title } }' });
}
