// A server behind TLS, with a certificate that only those trust who were given it.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { RateLimiterService, tokenBucket } from '../../lib/index.js';
import { openRedis } from '../../lib/stores/redis/open-redis.js';
import { bootApp, closeApps } from '../support/app.js';
import { CompiledLib } from '../support/compiled-lib.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { selfSigned } from '../support/redis/certificate.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { freePort, type RedisServer, startRedis } from '../support/redis/server.js';

const chat = tokenBucket({ name: 'chat', capacity: 3, rate: '1/h' });
const { certificate: ca, privateKey } = selfSigned();

let folder: string;
let server: RedisServer;
let port: number;
let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'floodgate-tls-'));
  const [certificate, key] = [join(folder, 'ca.pem'), join(folder, 'key.pem')];
  await Promise.all([writeFile(certificate, ca), writeFile(key, privateKey)]);
  // A server that was built without TLS does not know these, and does not start: then the suite fails with its log.
  server = await startRedis({
    args: async () => {
      port = await freePort();
      const files = [
        '--tls-cert-file',
        certificate,
        '--tls-key-file',
        key,
        '--tls-ca-cert-file',
        certificate,
      ];
      return ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'];
    },
  });
  url = server.url.replace('redis://', 'rediss://').replace(String(server.port), String(port));
});

afterEach(closeApps);
afterAll(async () => {
  await closeClients();
  await server.stop();
  await rm(folder, { recursive: true });
});

it.each([
  ['options with tls', () => ({ ...server.options, port, tls: { ca } })],
  ['a client with tls', () => connect(url, { tls: { ca } })],
])('%s: decisions are made on the server', async (_, redis) => {
  const { app } = await bootApp({ rateLimit: { redis: redis(), prefix: freshPrefix('tls') } });
  const service = app.get(RateLimiterService);
  const decisions = await Promise.all([1, 2, 3, 4].map(() => service.consume(chat, 'ada')));
  expect(decisions.map(({ allowed, source }) => [allowed, source])).toEqual([
    [true, 'redis'],
    [true, 'redis'],
    [true, 'redis'],
    [false, 'redis'],
  ]);
});

it('a URL with rediss: is enough where the process trusts the authority', async () => {
  const lib = await CompiledLib.create();
  const program = `
    import { openRedis } from '${lib.folder}/stores/redis/open-redis.js';
    const redis = { kind: 'connect', to: '${url}' };
    const { store } = await openRedis(redis, { prefix: 'floodgate' }, console.error);
    const bucket = { name: 'floodgate:chat:{ada}', record: undefined };
    const [found] = await store.inspect(['chat:{ada}']);
    console.log(found.name, found.now > 1e15);
    await store.close();
  `;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') };
  const args = ['--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 20_000 });
  expect(stdout).toBe('floodgate:chat:{ada} true\n');
  await lib.remove();
});

it.each([
  [
    'an authority that has not signed it',
    () => ({
      to: { ...server.options, port, tls: { ca: selfSigned().certificate } },
      says: /self-signed certificate|unable to verify/,
    }),
  ],
  ['a URL, with no authority of its own', () => ({ to: url, says: /self-signed certificate/ })],
  [
    'another name than the one of the certificate',
    () => ({
      to: { ...server.options, port, tls: { ca, servername: 'redis.example' } },
      says: /does not match certificate's altnames/,
    }),
  ],
])('%s: the log says what is wrong', async (_, arrange) => {
  const { to, says } = arrange();
  let close = async () => {};
  const message = await new Promise<string>((resolve, reject) => {
    const opening = openRedis({ kind: 'connect', to }, { prefix: 'floodgate' }, resolve);
    opening.then(({ store }) => {
      close = async () => store.close();
    }, reject);
  });
  await close();
  expect(message).toMatch(says);
});
