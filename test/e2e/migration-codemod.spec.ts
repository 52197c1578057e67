// Applications that were written for @nestjs/throttler, before and after the codemod: they answer alike.
import { afterEach, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { migrate } from '../../codemod/migrate.mjs';
import { bootApp, closeApps } from '../support/app.js';
import { typeErrors } from '../support/docs/type-check.js';
import { ManualClock } from '../support/manual-clock.js';
import { appBefore, importModule, inFolder, type SourceFile, serve } from '../support/migration/apps.js';
import { limitFields } from '../support/routes.js';

type Requests = readonly [path: string, count: number, headers?: Record<string, string>];

const customer = (key: string) => ({ 'x-api-key': key });

/** What is asked of each application, and how many of the requests pass. */
const apps: Record<'global-app' | 'bound-app', [Requests, passed: number][]> = {
  'global-app': [
    [['/plain/a', 5], 4],
    [['/plain/b', 5], 4],
    [['/plain/costly', 3], 2],
    [['/plain/half', 3], 2],
    [['/plain/filtered', 2], 1],
    [['/skipped/free', 8], 8],
    [['/skipped/limited', 5], 4],
    [['/skipped/tight', 2], 1],
    [['/skipped/without-effect', 8], 8],
    [['/tight/a', 4], 3],
    [['/tight/b', 4], 3],
    [['/tight/once', 2], 1],
    [['/tight/long', 7], 6],
    [['/tight/short', 4], 3],
  ],
  'bound-app': [
    [['/guarded/a', 3, customer('ada')], 2],
    [['/guarded/a', 1, customer('bob')], 1],
    [['/guarded/b', 3, customer('ada')], 2],
    [['/guarded/a', 4, { ...customer('ada'), 'x-internal': 'yes' }], 4],
    [['/guarded/skipped', 4, customer('ada')], 4],
    [['/guarded/once', 2, customer('ada')], 1],
    [['/free/a', 4, customer('ada')], 4],
    [['/free/guarded', 3, customer('ada')], 2],
    [['/free/once', 2, customer('ada')], 1],
  ],
};

/** The names of the fields of a refusal, as the throttler tells them. */
const headersBefore = { 'global-app': ['retry-after-burst'], 'bound-app': [] };

afterEach(closeApps);

describe.each(['global-app', 'bound-app'] as const)('%s', (name) => {
  const before = appBefore(name);
  const { findings } = migrate(ts, before);
  const after = migrated(name);
  const expected = apps[name].map(([[path, count], passed]) => [
    path,
    [...Array(passed).fill(200), ...Array(count - passed).fill(429)],
  ]);

  it('needs nothing by hand, and nothing of the throttler is left', () => {
    expect(findings.filter(({ isDone }) => !isDone)).toEqual([]);
    expect(after.map(({ path }) => path)).toEqual(before.map(({ path }) => path));
    expect(after.filter(({ text }) => text.includes('@nestjs/throttler'))).toEqual([]);
  });

  it('admits with the throttler what the table says', async () => {
    await inFolder(before, async (folder) => {
      const { url, stop } = await serve(folder);
      try {
        expect(await ask(url, apps[name])).toEqual(expected);
        expect(await limitHeaders(url, apps[name][0]![0])).toEqual(headersBefore[name]);
      } finally {
        await stop();
      }
    });
  });

  it.each(['express', 'fastify'] as const)('admits the same with this package, on %s', async (adapter) => {
    await inFolder(after, async (folder) => {
      const AppModule = await importModule(folder);
      const clock = new ManualClock(1);
      const { url } = await bootApp({ rateLimit: false, imports: [AppModule], clock, adapter });

      expect(await ask(url, apps[name])).toEqual(expected);
    });
  });

  it('is not changed by a second run', () => {
    expect(migrate(ts, after)).toEqual({ changes: [], findings: [] });
  });
});

it('they compile, before and after', () => {
  const names = ['global-app', 'bound-app'] as const;
  // Together, for a check of types reads those of all packages.
  const snippets = names.flatMap((app) => [
    ...filesOf(app, appBefore(app)),
    ...filesOf(`${app}-after`, migrated(app)),
  ]);

  expect(typeErrors(snippets)).toEqual([]);
});

it('a filter that catches the exception answers the refusal, after the codemod too', async () => {
  await inFolder(migrated('global-app'), async (folder) => {
    const { request } = await bootApp({ rateLimit: false, imports: [await importModule(folder)] });
    await request('/plain/filtered');

    const response = await request('/plain/filtered');
    expect([response.status, await response.json()]).toEqual([429, { slowDown: 429 }]);
    expect(response.headers.get('x-ratelimit-limit')).toBe('1');
  });
});

const filesOf = (app: string, files: SourceFile[]) =>
  files.map(({ path, text }) => ({ name: `test/support/migration/${app}/${path}`, code: text }));

function migrated(name: 'global-app' | 'bound-app'): SourceFile[] {
  return migrate(ts, appBefore(name)).changes.map(({ path, after: text }) => ({ path, text }));
}

async function limitHeaders(url: string, [path, , headers]: Requests): Promise<string[]> {
  return Object.keys(limitFields(await fetch(url + path, { headers })));
}

async function ask(url: string, table: readonly [Requests, number][]): Promise<[string, number[]][]> {
  const found: [string, number[]][] = [];
  for (const [[path, count, headers]] of table) {
    const statuses: number[] = [];
    for (let i = 0; i < count; i++) statuses.push((await fetch(url + path, { headers })).status);
    found.push([path, statuses]);
  }
  return found;
}
