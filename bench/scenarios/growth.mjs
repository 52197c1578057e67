// Many live keys: what a decision costs then, and what a bucket costs in Redis.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { digits } from '../lib/cells.mjs';
import { KEYS } from '../lib/keys.mjs';
import { loadTable } from '../lib/load-table.mjs';
import { loadInTurns, withContenders } from '../lib/side-by-side.mjs';
import { ratios } from '../lib/statistics.mjs';
import { column } from '../lib/turns.mjs';
import { FLEXIBLE, OURS } from './contenders.mjs';

const MANY = 1_000_000;
const IN_FLIGHT = 256;
const OURS_MANY = `${OURS}, 1,000,000 keys`;
const OURS_FEW = `${OURS}, 1,000 keys`;
const FLEXIBLE_MANY = `${FLEXIBLE}, 1,000,000 keys`;
const FLEXIBLE_FEW = `${FLEXIBLE}, 1,000 keys`;

const flexible = { module: 'peers', name: 'flexible', setup: { autoPipelining: true } };
const ours = { module: 'ours', name: 'lasting' };
const contenders = [
  { ...ours, title: OURS_FEW, setup: { keys: KEYS } },
  { ...ours, title: OURS_MANY, setup: { keys: MANY } },
  { ...flexible, title: FLEXIBLE_FEW, setup: { ...flexible.setup, keys: KEYS } },
  { ...flexible, title: FLEXIBLE_MANY, setup: { ...flexible.setup, keys: MANY } },
];

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function growth(effort) {
  return withContenders(contenders, async (open) => {
    const bytes = new Map();
    for (const title of [OURS_MANY, FLEXIBLE_MANY]) {
      effort.progress(`a million keys of ${title}`);
      bytes.set(title, await bytesPerBucket(open.get(title)));
    }
    const results = await loadInTurns(open, IN_FLIGHT, effort);
    const left = await leftOfIdle(effort);
    const beside = (many, few) => ratios(column(results.get(many), 'cpu'), column(results.get(few), 'cpu'));
    const rows = [
      [OURS, digits(bytes.get(OURS_MANY)), String(left)],
      [FLEXIBLE, digits(bytes.get(FLEXIBLE_MANY)), ''],
    ];
    const head = ['', 'bytes per bucket', `left of ${KEYS} idle buckets`];
    return {
      tables: [loadTable('Growth: 256 in flight', results, OURS_FEW), { title: 'Redis memory', head, rows }],
      figures: {
        'growth.cpu': beside(OURS_MANY, OURS_FEW),
        'growth.bytes': { median: bytes.get(OURS_MANY) / bytes.get(FLEXIBLE_MANY) },
        'growth.idle': { median: left },
      },
    };
  });
}

/** Asks for every key once. What the server has used more for it, by key; the keys are of one length for all. */
async function bytesPerBucket({ child, servers: [server] }) {
  const admin = new Redis(server.url);
  try {
    // The first calls load the script and make connections.
    await child.ask('closedLoop', { inFlight: IN_FLIGHT, count: KEYS });
    const before = { bytes: await usedMemory(admin), keys: await admin.dbsize() };
    await child.ask('closedLoop', { inFlight: IN_FLIGHT, count: MANY });
    const keys = await admin.dbsize();
    if (keys < MANY) throw new Error(`Of ${MANY} keys ${keys} are there`);
    return ((await usedMemory(admin)) - before.bytes) / (keys - before.keys);
  } finally {
    admin.disconnect();
  }
}

const usedMemory = async (admin) => Number(/^used_memory:(\d+)/m.exec(await admin.info('memory'))[1]);

/** How many keys there are of buckets that have been full again for some seconds. */
async function leftOfIdle({ progress }) {
  progress('idle buckets');
  const brief = { title: 'brief', module: 'ours', name: 'brief', setup: { keys: KEYS } };
  return withContenders([brief], async (open) => {
    const { child, servers } = open.get('brief');
    await child.ask('closedLoop', { inFlight: IN_FLIGHT, count: KEYS });
    const admin = new Redis(servers[0].url);
    await sleep(5000);
    const left = await admin.dbsize();
    admin.disconnect();
    return left;
  });
}
