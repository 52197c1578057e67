// A server behind a network that is slow, loses what it carries, and breaks in the middle of a reply.
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../../support/redis/server.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { Run } from '../run.js';
import type { Scenario } from './scenario.js';
import { clientsOf } from './standalone.js';

const LASTS_MS = 3000;
const CUTS = 5;

export const network: Scenario = {
  name: 'network',
  inShort: false,
  async run({ seed }) {
    const server = await startRedis();
    const proxy = await TcpProxy.start(server);
    const run = await Run.start({ redis: clientsOf(proxy), portOf: async () => server.port, seed });
    try {
      for (const [name, worsen] of faults) {
        await run.fault(name, async () => {
          await worsen(proxy);
          proxy.heal();
        });
      }
      await run.fault('cut mid-reply', () => cutRepeatedly(proxy), { mayRepeat: true });
      return await run.finish();
    } catch (error) {
      await run.abandon();
      throw error;
    } finally {
      await proxy.stop();
      await server.stop();
    }
  },
};

const lasting = (worsen: (proxy: TcpProxy) => void) => async (proxy: TcpProxy) => {
  worsen(proxy);
  await sleep(LASTS_MS);
};

const faults: readonly [string, (proxy: TcpProxy) => Promise<void>][] = [
  ['slow, within the deadline', lasting((proxy) => proxy.slow(30))],
  ['slower than the deadline', lasting((proxy) => proxy.slow(200))],
  ['requests do not arrive', lasting((proxy) => proxy.hold('request'))],
  ['replies do not arrive', lasting((proxy) => proxy.hold('reply'))],
  ['half-open, both ways', lasting((proxy) => proxy.hold('request', 'reply'))],
  ['refused', lasting((proxy) => proxy.refuse())],
  ['dead connections, new ones work', async (proxy) => proxy.abandon()],
];

async function cutRepeatedly(proxy: TcpProxy): Promise<void> {
  for (let i = 0; i < CUTS; i++) {
    proxy.cutMidReply();
    await sleep(LASTS_MS / CUTS);
  }
  proxy.heal();
}
