import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { bootApp, closeApps, type TestApp } from '../../../test/support/app.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { AppModule } from '../src/app.module.js';
import { countAtOnce, post } from './requests.js';

const SECOND = 1_000_000;

let app: TestApp;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock(1);
  app = await bootApp({ rateLimit: false, imports: [AppModule], clock });
});

afterEach(closeApps);

it('answers a message with what the user has left', async () => {
  const response = await post(app, '/chat', 'ada');
  expect(response.status).toBe(201);
  expect(await response.json()).toEqual({ reply: 'You said: hello', messagesLeft: 9 });
  expect(response.headers.get('RateLimit')).toBe('"ChatController.chat";r=9;t=1');
  expect(response.headers.get('RateLimit-Policy')).toBe('"ChatController.chat";q=10;w=2');
});

it('lets each user send 10 messages at once, then 5 per second', async () => {
  const send = () => post(app, '/chat', 'ada');
  expect(await countAtOnce(15, send)).toEqual({ 201: 10, 429: 5 });
  clock.now += SECOND;
  expect(await countAtOnce(15, send)).toEqual({ 201: 5, 429: 10 });
  expect((await post(app, '/chat', 'grace')).status).toBe(201);
});

it('says when a user may send again, and keeps its word', async () => {
  await countAtOnce(10, () => post(app, '/chat', 'ada'));
  const refusal = await post(app, '/chat', 'ada');
  expect(refusal.headers.get('Retry-After')).toBe('1');
  expect(await refusal.json()).toMatchObject({ status: 429, 'retry-after-ms': 200 });
  clock.now += 199_999;
  expect((await post(app, '/chat', 'ada')).status).toBe(429);
  clock.now += 1;
  expect((await post(app, '/chat', 'ada')).status).toBe(201);
});

it('lets an address ping 5 times at once, then once per second', async () => {
  const ping = () => app.request('/ping');
  expect(await countAtOnce(7, ping)).toEqual({ 200: 5, 429: 2 });
  clock.now += SECOND;
  expect(await countAtOnce(2, ping)).toEqual({ 200: 1, 429: 1 });
});

it('lets writes wait their turn, a tenth of a second apart', async () => {
  const start = performance.now();
  const waits = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const { waitedMs } = (await (await post(app, '/save')).json()) as { waitedMs: number };
      expect(performance.now() - start).toBeGreaterThanOrEqual(waitedMs);
      return waitedMs;
    }),
  );
  expect(waits.sort((a, b) => a - b)).toEqual([0, 100, 200, 300]);
});
