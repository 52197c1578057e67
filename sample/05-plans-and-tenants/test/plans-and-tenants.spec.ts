import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RateLimiterService } from 'nestjs-floodgate';
import { bootApp, closeApps, type TestApp } from '../../../test/support/app.js';
import * as docs from '../../../test/support/docs/markdown.js';
import { eventually } from '../../../test/support/eventually.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { members, remaining } from '../../../test/support/routes.js';
import { AppModule } from '../src/app.module.js';

const MINUTE = 60_000_000;

let app: TestApp;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock(1);
  app = await bootApp({ rateLimit: false, imports: [AppModule], clock });
});

afterEach(closeApps);

const as = (name: string) => ({ headers: { Authorization: `Bearer ${name}-key` } });
const report = (name: string) => app.request('/reports', as(name));
const reports = (name: string, times: number) => app.statuses(times, '/reports', as(name));

/** Who asks until something changes would use up what the address may ask. */
async function reportAnew(name: string): Promise<Response> {
  await app.app.get(RateLimiterService).reset('ip', '127.0.0.1');
  return report(name);
}

async function changePlan(name: string, plan: string): Promise<Response> {
  const headers = { ...as(name).headers, 'Content-Type': 'application/json' };
  return app.request('/plan', { method: 'PUT', headers, body: JSON.stringify({ plan }) });
}

it('a free user has 5 requests, one on the plan pro 20', async () => {
  expect(await reports('ada', 6)).toEqual([...Array(5).fill(200), 429]);
  expect(await reports('bob', 21)).toEqual([...Array(20).fill(200), 429]);
  clock.now += MINUTE / 5;
  expect(await reports('ada', 2)).toEqual([200, 429]);
});

it('tells what the plan has left, in the answer and in the headers of all four limits', async () => {
  const response = await report('ada');
  expect(await response.json()).toEqual({ reports: ['sales', 'stock'], leftInPlan: 4 });
  expect(remaining(response)).toEqual({ ip: 59, plan: 4, tenant: 29, everyone: 99 });
});

it('refuses as README says', async () => {
  await reports('ada', 5);
  const response = await report('ada');
  const example = docs.fenceWith(docs.readPage('sample/05-plans-and-tenants/README.md'), 'http', '429');
  const [head, body] = example.code.split('\n\n');
  const [statusLine, ...fields] = head!.split('\n');
  expect(statusLine).toBe(`HTTP/1.1 ${response.status} ${response.statusText}`);
  for (const field of fields) {
    const [name, value] = field.split(/: (.*)/);
    expect([name, response.headers.get(name!)]).toEqual([name, value]);
  }
  expect(await response.json()).toEqual(JSON.parse(body!));
});

it('a request that the plan refuses takes nothing of the tenant or of everyone, but a token of its address', async () => {
  await reports('ada', 8);
  const service = app.app.get(RateLimiterService);
  const left = async (policy: string, key: string) =>
    (await service.peek(policy, key, { cost: 0 })).remaining;
  expect(await left('tenant', 'acme')).toBe(30 - 5);
  expect(await left('everyone', 'all')).toBe(100 - 5);
  expect(await left('ip', '127.0.0.1')).toBe(60 - 8);
});

it('a tenant shares 30 requests, whatever the plans of its users', async () => {
  await changePlan('ada', 'pro');
  expect(await reports('bob', 20)).toEqual(Array(20).fill(200));
  expect(await reports('ada', 10)).toEqual(Array(10).fill(200));
  const refusal = await report('ada');
  expect(await refusal.json()).toMatchObject({ status: 429, 'violated-policies': ['tenant'] });
  expect((await report('eve')).status).toBe(200);
});

it('a change of plan counts within a second, and what was taken stays taken', async () => {
  expect(await reports('ada', 6)).toEqual([...Array(5).fill(200), 429]);
  expect(await (await changePlan('ada', 'pro')).json()).toEqual({ plan: 'pro' });
  await eventually(async () => (await reportAnew('ada')).status === 200, 'the new plan counts');
  // Twenty less the five from before, and less the one that has just passed.
  expect(await reports('ada', 15)).toEqual([...Array(14).fill(200), 429]);
});

it('changing to and fro earns nothing: never more than the larger plan', async () => {
  let admitted = 0;
  /** Asks until the capacity that is told is that of a plan and the answer as expected. */
  const ask = (capacity: number, status: number) =>
    eventually(async () => {
      const response = await reportAnew('ada');
      if (response.status === 200) admitted++;
      const told = Number(members(response, 'RateLimit-Policy').plan?.q);
      return told === capacity && response.status === status;
    }, `${status} on a plan of ${capacity}`);

  await ask(5, 429);
  for (const [plan, capacity] of [
    ['pro', 20],
    ['free', 5],
    ['pro', 20],
  ] as const) {
    await changePlan('ada', plan);
    await ask(capacity, 429);
    // The larger plan is used up the first time; then no change of plan admits anything.
    expect(admitted).toBe(20);
  }
});

it('who guesses keys is stopped by address, and so is not asked about any more', async () => {
  expect(await app.statuses(61, '/reports', as('mallory'))).toEqual([...Array(60).fill(401), 429]);
  clock.now += 1_000_000;
  expect(await app.statuses(2, '/reports', as('mallory'))).toEqual([401, 429]);
});
