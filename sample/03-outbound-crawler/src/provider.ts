// A program of its own that stands for somebody else's API, with a quota for each token: `node provider.js [port]`.
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Account, summary } from './account.js';
import { CAPACITY } from './quota.js';
import { tokens } from './tokens.js';

const accounts = new Map(tokens.map(({ value }) => [value, new Account()]));
let lateMs = 0;

type Reply = readonly [status: number, body: object, headers?: OutgoingHttpHeaders];

const server = createServer((request, response) => {
  const { method = '', url = '', headers } = request;
  const [status, body, more] = reply(`${method} ${url}`, headers);
  response
    .writeHead(status, { 'Content-Type': 'application/json', ...more })
    .end(`${JSON.stringify(body)}\n`);
});

function reply(
  request: string,
  { authorization = '', 'x-request-start': start }: IncomingHttpHeaders,
): Reply {
  if (request === 'GET /stats') return [200, stats()];
  const [, page] = /^GET \/pages\/(\d+)$/.exec(request) ?? [];
  if (page !== undefined) {
    noteLateness(start);
    return servePage(Number(page), accounts.get(authorization.replace('Bearer ', '')));
  }
  const [, verb, token = ''] = /^(DELETE|PUT) \/tokens\/(.+)$/.exec(request) ?? [];
  const account = accounts.get(token);
  if (!account) return [404, { error: 'not found' }];
  account.isValid = verb === 'PUT';
  return [200, { token, isValid: account.isValid }];
}

/** The most until the first refusal: what comes after that waits for the end of it, and is no cause of it. */
function noteLateness(start: string | string[] | undefined): void {
  const hasRefused = [...accounts.values()].some((account) => account.stats().refused > 0);
  if (start !== undefined && !hasRefused) lateMs = Math.max(lateMs, Date.now() - Number(start));
}

function servePage(page: number, account: Account | undefined): Reply {
  const answer = account?.request(Math.floor(performance.now() * 1000));
  if (!answer) return [401, { error: 'this token is not valid' }];
  const headers = {
    'X-RateLimit-Limit': CAPACITY,
    'X-RateLimit-Remaining': answer.remaining,
    'X-RateLimit-Reset': Math.ceil(answer.resetMicros / 1e6),
  };
  if (answer.allowed) return [200, { page, text: `This is page ${page}.` }, headers];
  const wait = { 'Retry-After': Math.ceil(answer.retryMicros / 1e6) };
  return [429, { error: 'too many requests' }, { ...headers, ...wait }];
}

function stats() {
  const each = Object.fromEntries([...accounts].map(([token, account]) => [token, account.stats()]));
  return { tokens: each, lateMs, ...summary([...accounts.values()]) };
}

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (process.send) process.send(url);
  else console.log(`Listening on ${url}`);
});

// The application that started it is gone, however it ended.
process.once('disconnect', () => {
  server.close();
  server.closeAllConnections();
});
