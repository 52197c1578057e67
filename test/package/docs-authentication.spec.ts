// What docs/authentication.md shows does what it says.
import { afterEach, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { bootApp, closeApps, type TestApp } from '../support/app.js';
import * as docs from '../support/docs/markdown.js';
import { importSnippet } from '../support/docs/run-snippet.js';
import { ManualClock } from '../support/manual-clock.js';
import { remaining } from '../support/routes.js';
import { spyOnStore } from '../support/stores.js';

const page = docs.readPage('docs/authentication.md');

afterEach(closeApps);

/** The application of the snippet that has this text. */
async function start(text: string): Promise<TestApp> {
  const { AppModule } = await importSnippet(docs.fenceWith(page, 'ts', text).code);
  return bootApp({ rateLimit: false, imports: [AppModule as Type], clock: new ManualClock(1) });
}

const withKey = (key: string) => ({ headers: { 'x-api-key': key } });

it('a guard: guesses use up the address, requests the user and the tenant too', async () => {
  const { app, request, statuses } = await start('class ApiKeyGuard');
  const calls = spyOnStore(app);
  expect(remaining(await request('/reports', withKey('ada-key')))).toEqual({
    address: 59,
    user: 9,
    tenant: 99,
  });
  expect(calls()).toBe(2);
  expect(await statuses(10, '/reports', withKey('ada-key'))).toEqual([...Array(9).fill(200), 429]);
  expect(await statuses(50, '/reports', withKey('guess'))).toEqual([...Array(49).fill(401), 429]);
});

it('middleware: one call of the store, whoever asks', async () => {
  const { app, request } = await start('MiddlewareConsumer');
  const calls = spyOnStore(app);
  expect(remaining(await request('/reports', withKey('ada-key')))).toEqual({ address: 59, user: 9 });
  expect(remaining(await request('/reports'))).toEqual({ address: 58, user: 9 });
  expect(calls()).toBe(2);
});

it('a login: failed attempts at an account count, and nothing else of it', async () => {
  const { statuses } = await start('class LoginController');
  const attempt = (email: string, password: string) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  });
  expect(await statuses(6, '/login', attempt('Ada@example.com', 'guess'))).toEqual([
    ...Array(5).fill(401),
    429,
  ]);
  expect(await statuses(1, '/login', attempt('ada@example.com', 'secret'))).toEqual([429]);
  expect(await statuses(1, '/login', attempt('bob@example.com', 'secret'))).toEqual([201]);
});
