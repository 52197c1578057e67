// What the documentation shows is what there is: snippets compile and run, and examples are real answers.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { leakyBucket, RateLimiterService, tokenBucket } from '../../lib/index.js';
import { parseOptions } from '../../lib/options/parse-options.js';
import { bootApp, closeApps, type TestApp } from '../support/app.js';
import * as docs from '../support/docs/markdown.js';
import { importSnippet } from '../support/docs/run-snippet.js';
import { type Snippet, typeErrors } from '../support/docs/type-check.js';
import { eventually } from '../support/eventually.js';
import { ManualClock } from '../support/manual-clock.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

const readme = docs.readPage('README.md');
const typescript = docs
  .pages()
  .flatMap(({ path, fences }) =>
    fences
      .filter(({ info }) => /^ts\b/.test(info))
      .map((fence) => ({ ...fence, at: `${path}:${fence.line}` })),
  );
const checked = typescript.filter(({ info }) => info === 'ts');
const modules = checked.filter(({ code }) => code.includes('export class AppModule'));

afterEach(closeApps);

describe('TypeScript snippets', () => {
  it('compile, each by itself, against the library, which a wrong one beside them does not', () => {
    const snippets = checked.map(
      ({ at, code }): Snippet => ({ name: `${at.replaceAll(/\W/g, '-')}.ts`, code }),
    );
    const wrong = "import { tokenBucket } from 'nestjs-floodgate';\ntokenBucket({ capacity: 10, rat: 5 });\n";
    expect(snippets.length).toBeGreaterThan(4);
    expect(typeErrors([...snippets, { name: 'wrong.ts', code: wrong }])).toEqual([
      expect.stringMatching(/^wrong\.ts, line 2 of the snippet: .*'rat' does not exist in type/),
    ]);
  });

  it('are checked, but for two at most', () => {
    expect(typescript.filter(({ info }) => info !== 'ts').length).toBeLessThanOrEqual(2);
  });
});

describe('the quick start', () => {
  const quickStart = docs.fenceWith(readme, 'ts', 'RateLimitModule.forRoot()');
  const clock = new ManualClock(1);
  const chat = (app: TestApp) => app.request('/chat', { method: 'POST' });

  async function start(): Promise<TestApp> {
    const { AppModule } = await importSnippet(quickStart.code);
    return bootApp({ rateLimit: false, imports: [AppModule as Type], clock });
  }

  it('admits ten requests at once and refuses the next, then admits five per second', async () => {
    const app = await start();
    expect(await app.statuses(11, '/chat', { method: 'POST' })).toEqual([...Array(10).fill(201), 429]);
    clock.now += 1_000_000;
    expect(await app.statuses(6, '/chat', { method: 'POST' })).toEqual([...Array(5).fill(201), 429]);
  });

  it('refuses as the example says', async () => {
    const app = await start();
    await app.statuses(10, '/chat', { method: 'POST' });
    clock.now += 7000;
    const response = await chat(app);
    const [head, body] = docs.fenceWith(readme, 'http', '429').code.split('\n\n');
    const [statusLine, ...fields] = head!.split('\n');
    expect(statusLine).toBe(`HTTP/1.1 ${response.status} ${response.statusText}`);
    for (const field of fields) {
      const [name, value] = field.split(/: (.*)/);
      expect([name, response.headers.get(name!)]).toEqual([name, value]);
    }
    expect(await response.json()).toEqual(JSON.parse(body!));
  });

  it('does not start with a mistake in it, and says what README says', async () => {
    const mistaken = quickStart.code.replace('capacity: 10', 'capacity: 0');
    const { AppModule } = await importSnippet(mistaken);
    const message = docs.inlineCode(readme).find((code) => code.startsWith('ChatController.chat: '));
    await expect(bootApp({ rateLimit: false, imports: [AppModule as Type] })).rejects.toThrow(message);
  });
});

describe('on a real Redis', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis();
    process.env.REDIS_URL = server.url;
  });

  afterAll(async () => {
    delete process.env.REDIS_URL;
    await closeClients();
    await server.stop();
  });

  it.each(modules.map(({ at, code }) => [at, code]))('%s: the application boots', async (_, code) => {
    const { AppModule } = await importSnippet(code);
    await bootApp({ rateLimit: false, imports: [AppModule as Type] });
  });

  const page = docs.readPage('docs/redis.md');
  const daily = tokenBucket({ name: 'daily', capacity: 1000, rate: '1000/day' });

  const serviceAt = async (redis: string) =>
    (await bootApp({ rateLimit: { redis } })).app.get(RateLimiterService);

  it('a place is noted and undone as docs/redis.md says', async () => {
    const client = connect(server.url);
    const limiter = await serviceAt(server.url);
    const record = async () => String(await client.get('floodgate:daily:{hopper}'));
    await limiter.consume(daily, 'hopper', { cost: 1000 });
    const before = await record();

    const leaving = new AbortController();
    const turn = limiter.acquire(daily, 'hopper', { signal: leaving.signal });
    const ended = expect(turn).rejects.toThrow('aborted');
    await eventually(async () => / l\d{16} s/.test(await record()), 'the promise is noted');
    leaving.abort();
    await ended;
    await eventually(async () => (await record()) === before, 'the record before is back');
  });

  it('a record is found, read and forgotten with the commands of docs/redis.md', async () => {
    const limiter = await serviceAt(server.url);
    const client = connect(server.url);
    const commands = docs.fenceWith(page, 'sh', '--scan').code;
    const [, pattern] = /--pattern '(.*?)'/.exec(commands)!;
    const [, key] = /GET '(.*?)'/.exec(commands)!;
    const [, script] = /EVAL "(.*)" 1 /s.exec(docs.fenceWith(page, 'sh', 'EVAL').code)!;
    await limiter.consume(daily, 'ada', { cost: 3 });

    expect(await client.keys(pattern!)).toEqual([key]);
    expect(await client.get(key!)).toMatch(/^259200000 \d{16} 1 86400000$/);
    const missing = Number(await client.eval(script!, 1, key!));
    expect(missing).toBeGreaterThan(2.9);
    expect(missing).toBeLessThanOrEqual(3);

    await client.del(key!);
    expect(await limiter.peek(daily, 'ada', { cost: 0 })).toMatchObject({ remaining: 1000 });
  });

  it('limits that are set at run time are looked at and cleared with the commands of docs/redis.md', async () => {
    const limiter = await serviceAt(server.url);
    const chat = tokenBucket({ name: 'chat', capacity: 1, rate: 1 });
    const [, shown] = /HGETALL \S+ +# chat, (.*)/.exec(docs.fenceWith(page, 'sh', 'HGETALL').code)!;
    await limiter.setLimits(chat, JSON.parse(shown!));
    const client = connect(server.url);

    expect(await client.hgetall('floodgate:limits')).toEqual({ chat: shown });
    expect(await client.hdel('floodgate:limits', 'chat')).toBe(1);
    expect(await limiter.clearLimits(chat)).toBe(false);
  });
});

describe('facts in tables', () => {
  it('the ticks of docs/algorithms.md are those of the policies', () => {
    const table = docs.readPage('docs/algorithms.md').prose.join('\n');
    const told = [...table.matchAll(/^\| `([^`]+)` \| (\d+) \| ([\d,]+) \|$/gm)].map((row) => row.slice(1));
    const real = told.map(([rate]) => {
      const { tokens, perMicroseconds } = tokenBucket({ capacity: 1, rate: evaluate(rate!) }).effectiveRate!;
      return [rate, String(tokens), perMicroseconds.toLocaleString('en')];
    });
    expect(told).toHaveLength(5);
    expect(told).toEqual(real);
  });

  it.each<[string, () => unknown]>([
    ['a policy', () => leakyBucket({ capacity: 1, rate: 1, nonsense: true } as never)],
    ['the module', () => parseOptions({ nonsense: true } as never)],
  ])('README has every option of %s', (_, nonsense) => {
    const known = /write one of (.*) \[UNKNOWN_OPTION\]/.exec(messageOf(nonsense))![1]!;
    const told = readme.prose.flatMap((line) => /^\| `(\w+)` \|/.exec(line)?.[1] ?? []);
    expect(told).toEqual(expect.arrayContaining(known.split(', ')));
  });
});

/** A rate as it is written in the table: `'5/s'`, `0.1` or `100 / 60`. */
function evaluate(text: string): number | string {
  if (text.startsWith("'")) return text.slice(1, -1);
  return text
    .split(' / ')
    .map(Number)
    .reduce((a, b) => a / b);
}

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It did not fail.');
}
