// The suite of somebody who uses the package: every route is limited, and it knows nothing of Redis.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { byGlobal } from 'nestjs-floodgate';
import {
  assertLimited,
  policiesOf,
  RateLimitTesting,
  RateLimitTestingModule,
} from 'nestjs-floodgate/testing';
import { AppModule } from '../src/app.module.js';
import { CommentsController } from '../src/comments.controller.js';
import { ExportsController } from '../src/exports.controller.js';

let app: INestApplication;
let limits: RateLimitTesting;
let url: string;

beforeAll(async () => {
  const builder = RateLimitTestingModule.override(Test.createTestingModule({ imports: [AppModule] }));
  app = (await builder.compile()).createNestApplication();
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  limits = app.get(RateLimitTesting);
});

beforeEach(() => limits.relax());

afterAll(() => app.close());

const request = (method: string, path: string) =>
  fetch(url + path, { method, headers: { 'x-user-id': 'ada' } });
const comment = () => request('POST', '/comments');

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

describe('the application', () => {
  const routes = [
    ['GET', '/comments'],
    ['POST', '/comments'],
    ['GET', '/search?q=one+two+three'],
    ['POST', '/exports'],
  ] as const;

  it('answers 1,000 requests as if nothing were limited', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 250; i++) {
      const answers = routes.map(([method, path]) => statusOf(request(method, path)));
      for (const status of await Promise.all(answers)) statuses.add(status);
    }
    expect(statuses).toEqual(new Set([200, 201]));
  });
});

describe('the limits', () => {
  it('refuse the fourth comment, and admit it 10 seconds later', async () => {
    limits.enforce('comments');
    for (let i = 0; i < 3; i++) expect(await statusOf(comment())).toBe(201);
    const refusal = await comment();
    expect([refusal.status, refusal.headers.get('Retry-After')]).toEqual([429, '10']);

    limits.clock.advance(10_000);
    expect(await statusOf(comment())).toBe(201);
    expect(await statusOf(comment())).toBe(429);
  });

  it('let exports start 2 seconds apart', async () => {
    limits.enforce('exports');
    const waits: unknown[] = [];
    for (let i = 0; i < 3; i++) waits.push(await (await request('POST', '/exports')).json());
    expect(waits).toEqual([0, 2000, 4000].map((waitedMs) => ({ exported: true, waitedMs })));
  });

  it('stand where they should', () => {
    assertLimited(app, CommentsController, 'write', { policy: 'comments', capacity: 3, rate: '6/min' });
    assertLimited(app, ExportsController, 'start', { key: byGlobal() });
    expect(policiesOf(app, CommentsController, 'list').map(({ policy }) => policy)).toEqual(['api']);
  });
});

describe('a client', () => {
  /** What stands for the code of the user that has to handle a 429. */
  async function save(): Promise<string> {
    const response = await comment();
    return response.status === 429 ? `try again in ${response.headers.get('Retry-After')} s` : 'saved';
  }

  it('tells its user when to try again', async () => {
    limits.refuseNext('comments');
    expect(await save()).toBe('try again in 10 s');
    expect(await save()).toBe('saved');
  });
});
