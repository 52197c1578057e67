import assert from 'node:assert/strict';
import type { INestApplication } from '@nestjs/common';
import { RateLimitError, RateLimiterService } from 'nestjs-floodgate';
import { jobs } from './app.module.js';

/** Asks the application over HTTP and through the service; throws where an answer is not what it should be. */
export async function checkApp(app: INestApplication, source: 'memory' | 'redis'): Promise<void> {
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  const get = (path: string) => fetch(`http://127.0.0.1:${port}/cats${path}`);

  const first = await get('');
  assert.equal(first.status, 200);
  assert.equal(await first.text(), JSON.stringify({ left: 0, source }));
  const refusal = await get('');
  assert.equal(refusal.status, 429);
  assert.ok(Number(refusal.headers.get('retry-after')) > 0);
  assert.match(String(refusal.headers.get('content-type')), /^application\/problem\+json/);

  assert.equal((await get('/caught')).status, 200);
  const caught = await get('/caught');
  assert.equal(caught.status, 418);
  assert.equal(await caught.text(), '{"policy":"jobs"}');

  const both = await Promise.all([get('/waits'), get('/waits')]);
  const bodies = await Promise.all(both.map((response) => response.text()));
  assert.equal(bodies.sort().join(), '{"delayed":false},{"delayed":true}');

  const limiter = app.get(RateLimiterService);
  assert.equal((await limiter.consume(jobs, 'nightly')).allowed, true);
  const second = await limiter.consume('jobs', 'nightly');
  assert.equal(second.allowed, false);
  assert.equal(second.source, source);
  await assert.rejects(
    limiter.consume('nobody', 'nightly'),
    (error) => error instanceof RateLimitError && error.code === 'UNKNOWN_POLICY',
  );
}
