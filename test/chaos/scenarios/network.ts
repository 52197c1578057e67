// A server behind a network that is slow, loses what it carries, and breaks in the middle of a reply.
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../../support/redis/server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { type Outcome, Run } from '../run.js';
import type { Scenario } from './scenario.js';
import { clientsOf } from './standalone.js';

const LASTS_MS = 3000;
const CUTS = 5;

/** A run behind a proxy. */
async function behindProxy(seed: number, more: Record<string, unknown>, test: Test): Promise<Outcome> {
  const server = await startRedis();
  const proxy = await TcpProxy.start(server);
  const run = await Run.start({ redis: clientsOf(proxy, more), portOf: async () => server.port, seed });
  try {
    await test(run, proxy);
    return await run.finish();
  } catch (error) {
    await run.abandon();
    throw error;
  } finally {
    await proxy.stop();
    await server.stop();
  }
}

type Test = (run: Run, proxy: TcpProxy) => Promise<void>;

export const network: Scenario = {
  name: 'network',
  inShort: false,
  run: ({ seed }) =>
    behindProxy(seed, {}, async (run, proxy) => {
      for (const [name, worsen] of faults) {
        const action = async () => {
          await worsen(proxy);
          proxy.heal();
        };
        await run.fault(name, action, { mayRepeat: losesReplies.has(name), staysUp: staysUp.has(name) });
      }
    }),
};

/** Nobody is told that they are dead: a client of the application has to give them up by itself. */
export const deadConnections: Scenario = {
  name: 'dead-connections',
  inShort: false,
  run: ({ seed }) =>
    behindProxy(seed, { socketTimeout: 500 }, async (run, proxy) => {
      for (let i = 0; i < 3; i++) {
        await run.fault('dead, new ones work', async () => proxy.abandon(), { mayRepeat: true });
      }
    }),
};

const lasting = (worsen: (proxy: TcpProxy) => void) => async (proxy: TcpProxy) => {
  worsen(proxy);
  await sleep(LASTS_MS);
};

const faults: readonly [string, (proxy: TcpProxy) => Promise<void>][] = [
  ['slow, within the deadline', lasting((proxy) => proxy.slow(20))],
  ['slower than the deadline', lasting((proxy) => proxy.slow(200))],
  ['requests do not arrive', lasting((proxy) => proxy.hold('request'))],
  ['replies do not arrive', lasting((proxy) => proxy.hold('reply'))],
  ['half-open, both ways', lasting((proxy) => proxy.hold('request', 'reply'))],
  ['refused', lasting((proxy) => proxy.refuse())],
  ['cut mid-reply', cutRepeatedly],
];

/** Of a take whose reply is lost nobody ever learns that it was carried out, so it is charged once more. */
const losesReplies: ReadonlySet<string> = new Set([
  'refused',
  // A client that was opened for the application gives such a connection up, with the replies on it.
  'replies do not arrive',
  'half-open, both ways',
  'dead connections, new ones work',
  'cut mid-reply',
]);

const staysUp: ReadonlySet<string> = new Set(['slow, within the deadline', 'cut mid-reply']);

async function cutRepeatedly(proxy: TcpProxy): Promise<void> {
  for (let i = 0; i < CUTS; i++) {
    proxy.cutMidReply();
    await sleep(LASTS_MS / CUTS);
  }
}
