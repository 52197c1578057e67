// `npm start` on a copy of what it needs, so that it builds into a folder of its own. A part of `npm run test:package`, which
// has built the package before.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type CurlLine, curlLines, parseCurl, send } from '../support/docs/curl.js';
import { eventually } from '../support/eventually.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const NEEDED = [
  'lib',
  'scripts',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.cjs.json',
];

/** Of all samples: 5 s on an idle machine. */
const BUILD_WITHIN_MS = 300_000;

let folder: string;
let sample: ChildProcess | undefined;
let output: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'floodgate-start-'));
  await Promise.all(NEEDED.map((name) => cp(join(root, name), join(folder, name), { recursive: true })));
  await cp(join(root, 'sample'), join(folder, 'sample'), {
    recursive: true,
    filter: (path) => !path.includes(join('sample', 'dist')),
  });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  // Last, so that it is newer than its sources.
  await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  await start();
}, BUILD_WITHIN_MS);

afterAll(async () => {
  sample?.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

it('prints three commands that work', async () => {
  const lines = curlLines(output);
  const start = performance.now();
  const answers = await Promise.all(lines.map((line) => send(parseCurl(line))));
  const elapsed = performance.now() - start;
  const bodies = answers.map((responses) => Promise.all(responses.map((response) => response.json())));
  const [pings, chats, saves] = await Promise.all(bodies);
  expect(pings).toEqual([{ pong: true }]);
  expect(chats).toEqual([{ reply: 'You said: hello', messagesLeft: 9 }]);
  expect(saves).toEqual(Array(20).fill({ saved: true, waitedMs: expect.any(Number) }));
  // The twentieth place of a line of 10 per second.
  expect(elapsed).toBeGreaterThanOrEqual(1900);
});

it('says where it listens, and where the buckets are', () => {
  expect(output).toMatch(/^Listening on http:\/\/localhost:[1-9]\d*, with buckets in memory\. Try:$/m);
});

it('ends when it is asked to', async () => {
  const ended = once(sample!, 'exit');
  sample!.kill('SIGTERM');
  const [code, signal] = await ended;
  expect(code ?? signal).toBe('SIGTERM');
});

it('starts the sample that is named, whose three commands work too', async () => {
  await start('02-protect-a-fragile-service');
  const [orders, unprotected, stats] = curlLines(output).map(parseCurl);
  const protectedStatuses = (await send(orders!)).map(({ status }) => status);
  expect(protectedStatuses).toEqual(Array(40).fill(201));
  const statuses = (await send(unprotected!)).map(({ status }) => status);
  expect(statuses).toContain(503);
  const [answer] = await send(stats!);
  const refused = statuses.filter((status) => status === 503).length;
  expect(await answer!.json()).toMatchObject({ served: 80 - refused, refused });
}, 120_000);

it('starts the crawler, whose three commands work as well', async () => {
  await start('03-outbound-crawler');
  const [crawl, progress, stats] = curlLines(output).map(parseCurl);
  const answer = async (line: CurlLine) => (await (await send(line))[0]!.json()) as Record<string, number>;
  expect(await answer(crawl!)).toEqual({ from: 1, to: 600 });
  const pool = ['first', 'second', 'third'].map((id) =>
    expect.objectContaining({ id, isQuarantined: false }),
  );
  expect(await answer(progress!)).toEqual({ isRunning: true, total: 600, done: expect.any(Number), pool });
  await eventually(async () => (await answer(stats!)).served! > 120, 'the first pages are served');
  expect(await answer(stats!)).toMatchObject({ refused: 0, unauthorized: 0 });
}, 120_000);

it(
  'builds again what has changed',
  async () => {
    const main = join(folder, 'sample/01-quickstart/src/main.ts');
    await writeFile(main, (await readFile(main, 'utf8')).replace('Listening on', 'Now listening on'));
    await start();
    expect(output).toMatch(/^Now listening on http/m);
  },
  BUILD_WITHIN_MS,
);

it('starts the application whose suite shows how to test', async () => {
  await start('04-testing');
  const [comments, search, exports] = curlLines(output).map(parseCurl);
  const statuses = (await send(comments!)).map(({ status }) => status);
  expect(statuses.sort()).toEqual([201, 201, 201, 429, 429]);
  const [found] = await send(search!);
  expect(await found!.json()).toEqual({ q: 'exact limits', found: [] });
  const waits = await Promise.all((await send(exports!)).map((answer) => answer.json()));
  expect(waits).toEqual(Array(3).fill({ exported: true, waitedMs: expect.any(Number) }));
}, 120_000);

it('starts plans and tenants, whose three commands show a refusal and a change of plan', async () => {
  await start('05-plans-and-tenants');
  const [burst, upgrade, again] = curlLines(output).map(parseCurl);
  const statuses = (await send(burst!)).map(({ status }) => status);
  expect(statuses.sort()).toEqual([...Array(5).fill(200), 429]);
  expect(await (await send(upgrade!))[0]!.json()).toEqual({ plan: 'pro' });
  const report = async () => ((await (await send(again!))[0]!.json()) as { leftInPlan?: number }).leftInPlan;
  await eventually(async () => ((await report()) ?? 0) > 5, 'the new plan counts');
}, 120_000);

it('starts the GraphQL server, whose three commands show what is admitted and what is not', async () => {
  await start('06-graphql');
  const [query, tooMuch, writes] = curlLines(output).map(parseCurl);
  const answers = async (line: CurlLine) =>
    Promise.all((await send(line)).map((response) => response.json() as Promise<{ errors?: object[] }>));
  expect(await answers(query!)).toEqual([{ data: { posts: [{ title: 'Buckets', related: [] }] } }]);
  const refusal = { errors: [{ extensions: { code: 'RATE_LIMITED' } }] };
  expect(await answers(tooMuch!)).toMatchObject([refusal]);
  const written = await answers(writes!);
  expect(written.filter(({ errors }) => errors === undefined)).toHaveLength(3);
}, 120_000);

it.each(['socket.io', 'ws'])(
  'starts the chat on %s, whose two commands run a client',
  async (library) => {
    await start('07-websocket', { WEBSOCKET: library });
    const [say, connect] = nodeLines(output);
    const answers = await runClient(say!);
    expect(answers.filter((answer) => 'event' in answer && answer.event === 'said').length).toBeGreaterThan(
      4,
    );
    expect(answers).toContainEqual({
      event: 'exception',
      data: expect.objectContaining({ code: 'RATE_LIMITED' }),
    });
    const connections = JSON.stringify(await runClient(connect!));
    expect(connections).toContain('{"opened":12}');
    expect(connections).toContain('too many connections; retry after');
  },
  120_000,
);

it('starts the API and its mailer, whose three commands are answered', async () => {
  await start('08-microservice');
  const [mails, newsletter, stats] = curlLines(output).map(parseCurl);
  const statuses = (await send(mails!)).map(({ status }) => status);
  expect(statuses.sort()).toEqual([...Array(5).fill(201), 429, 429]);
  expect((await send(newsletter!)).map(({ status }) => status)).toEqual([202]);
  const sent = async () => ((await (await send(stats!))[0]!.json()) as { sent: number }).sent;
  await eventually(async () => (await sent()) >= 7, 'all mails are sent');
}, 120_000);

/** `npm start [-- name]` */
async function start(name = '', more: NodeJS.ProcessEnv = {}): Promise<void> {
  const { REDIS_URL: _, FRAGILE_URL: __, PROVIDER_URL: ___, ...env } = process.env;
  output = '';
  sample?.kill('SIGKILL');
  sample = spawn(process.execPath, ['scripts/start.mjs', ...(name ? [name] : [])], {
    cwd: folder,
    env: { ...env, PORT: '0', ...more },
  });
  await untilItListens(sample);
}

/** The lines of a text that run a program of Node. */
const nodeLines = (text: string) =>
  [...text.matchAll(/^ {2}node (.+)$/gm)].map(([, line]) => line!.split(' '));

/** What a client prints, line by line. */
async function runClient(args: string[]): Promise<object[]> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
}

function untilItListens(sample: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const listen = (text: Buffer) => {
      output += text;
      if (/Try:\n\n(.+\n){2,}/.test(output)) resolve();
    };
    sample.stdout!.on('data', listen);
    sample.stderr!.on('data', listen);
    sample.once('exit', () => reject(new Error(`It did not start:\n${output}`)));
  });
}
