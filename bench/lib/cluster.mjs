// A Redis Cluster of masters alone, wired by commands; about 2 s.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../scripts/private-redis.mjs';
import { startRedis } from './redis.mjs';

const SLOTS = 16_384;
const READY_WITHIN_MS = 20_000;

/** @returns {Promise<import('./redis.mjs').Server[]>} the masters, the first with the lowest slots, and so on */
export async function startCluster(masters = 3) {
  const nodes = [];
  for (let i = 0; i < masters; i++) nodes.push(await startNode());
  const clients = nodes.map(({ port }) => new Redis({ port, host: '127.0.0.1' }));
  try {
    for (const [index, client] of clients.entries()) await assignSlots(client, index, masters);
    for (const client of clients) {
      for (const { port, busPort } of nodes) await client.cluster('MEET', '127.0.0.1', port, busPort);
    }
    for (const client of clients) await untilReady(client, masters);
    return nodes;
  } catch (error) {
    for (const node of nodes) await node.stop();
    throw error;
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function startNode() {
  // By default the bus is 10,000 above the port, which is no port at all for half of those the system hands out.
  const busPort = await freePort();
  const cluster = ['--cluster-enabled', 'yes'];
  const bus = ['--cluster-port', String(busPort), '--cluster-announce-ip', '127.0.0.1'];
  return { ...(await startRedis([...cluster, ...bus])), busPort };
}

async function assignSlots(client, index, masters) {
  const first = Math.floor((index * SLOTS) / masters);
  const last = Math.floor(((index + 1) * SLOTS) / masters) - 1;
  // Masters that meet with equal epochs would first have to settle who changes his.
  await client.cluster('SET-CONFIG-EPOCH', index + 1);
  await client.cluster('ADDSLOTSRANGE', first, last);
}

async function untilReady(client, masters) {
  const expected = ['cluster_state:ok', `cluster_slots_ok:${SLOTS}`, `cluster_known_nodes:${masters}`];
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    const lines = (await client.cluster('INFO')).split('\r\n');
    if (expected.every((line) => lines.includes(line))) return;
    await sleep(20);
  }
  throw new Error('The cluster is not ready');
}
