// In a file of its own: @nestjs/graphql keeps what its decorators say in one place, so a snippet may be run once.
import { afterEach, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { bootApp, closeApps } from '../support/app.js';
import * as docs from '../support/docs/markdown.js';
import { importSnippet } from '../support/docs/run-snippet.js';

const page = docs.readPage('docs/transports.md');

afterEach(closeApps);

it('docs/transports.md: an operation costs what the recipe counts', async () => {
  const { AppModule } = await importSnippet(docs.fenceWith(page, 'ts', 'complexity').code);
  const app = await bootApp({ rateLimit: false, imports: [AppModule as Type] });
  const ask = async (query: string) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ query });
    return (await app.request('/graphql', { method: 'POST', headers, body })).json();
  };
  const query = 'query { posts(first: 100) { title related { ...T ...T } } } fragment T on Post { title }';

  expect(await ask(query)).toEqual({
    data: { posts: [{ title: '100 asked for, 600 tokens left', related: [] }] },
  });
  const problem = JSON.parse(docs.fenceWith(page, 'json', 'RATE_LIMITED').code);
  const { errors } = (await ask('{ posts(first: 900) { title related { title } } }')) as {
    errors: [{ extensions: { code: string; decision: object } }];
  };
  const [{ extensions }] = errors;
  expect(extensions.code).toBe(problem.code);
  expect(Object.keys(extensions.decision).sort()).toEqual(Object.keys(problem.decision).sort());
});
