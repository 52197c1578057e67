// Exact leases: four processes, one key at 50,000 a second, and a fifth more asked for.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { withSpread } from '../lib/cells.mjs';
import { Child } from '../lib/child.mjs';
import { scriptCalls } from '../lib/commands.mjs';
import { cpuOf } from '../lib/cpu.mjs';
import { startRedis } from '../lib/redis.mjs';
import { spread } from '../lib/statistics.mjs';
import { column } from '../lib/turns.mjs';
import { FLEXIBLE, OURS } from './contenders.mjs';

const PROCESSES = 4;
const RATE = 50_000;
const CAPACITY = 5000;
const ASKED = 1.2 * RATE;
/** At 15,000 calls a second V8 goes on compiling for about so long, of all that is measured here. */
const SETTLED_MS = 15_000;
const TURN_MS = 1500;

const leased = (capacity) => ({ name: 'ours', capacity, lease: true });
const contenders = [
  { title: `${OURS}, leased, capacity ${CAPACITY}`, ...leased(CAPACITY) },
  // A smaller bucket holds less than what its instances ask for between two calls.
  { title: `${OURS}, leased, capacity 1600`, ...leased(1600) },
  { title: `${OURS}, leased, capacity 400`, ...leased(400) },
  { title: `${OURS}, not leased, capacity ${CAPACITY}`, name: 'ours', capacity: CAPACITY, lease: false },
  { title: `${FLEXIBLE}, ${RATE} in each second`, name: 'flexible' },
  { title: 'the calls alone', name: 'nothing' },
];

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function leases(effort) {
  const results = new Map();
  for (const [index, contender] of contenders.entries()) {
    // What is beside the goal is looked at more shortly.
    const turns = index === 0 ? effort.turns : 3;
    results.set(contender.title, await measure(contender, { ...effort, turns }));
  }
  const names = ['perCpuSecond', 'perCommand', 'used'];
  const rows = [...results].map(([title, { turns, over }]) => [
    title,
    ...names.map((name) => withSpread(column(turns, name))),
    String(over),
  ]);
  const head = [
    '',
    'decisions per CPU-second',
    'decisions per command',
    '% of the rate used',
    'admitted too many',
  ];
  const [first] = results.values();
  return {
    tables: [
      { title: `One key at ${RATE} a second, ${PROCESSES} processes that ask for ${ASKED}`, head, rows },
    ],
    figures: {
      'leases.perCpuSecond': spread(column(first.turns, 'perCpuSecond')),
      'leases.perCommand': spread(column(first.turns, 'perCommand')),
      'leases.used': spread(column(first.turns, 'used')),
      'leases.over': { median: first.over },
    },
  };
}

async function measure({ title, name, ...setup }, { turns, progress }) {
  const server = await startRedis();
  const admin = [new Redis(server.url)];
  const children = [];
  try {
    for (let i = 0; i < PROCESSES; i++)
      children.push(await Child.start('leases', name, { ...setup, rate: RATE, urls: [server.url] }));
    const start = performance.timeOrigin + performance.now();
    for (const child of children) await child.ask('start', { perSecond: ASKED / PROCESSES });
    progress(`${title}: until it is steady`);
    await sleep(SETTLED_MS);
    const looks = [await look(children, admin)];
    for (let turn = 0; turn < turns; turn++) {
      progress(`${title}: turn ${turn + 1} of ${turns}`);
      await sleep(TURN_MS);
      looks.push(await look(children, admin));
    }
    const last = looks.at(-1);
    if (last.failed > 0) throw new Error(`${title}: ${last.failed} calls have failed`);
    // Of a fixed window twice as much may come at its edge, so this is for buckets only.
    const most = (setup.capacity ?? Infinity) + (RATE * (last.at - start)) / 1000;
    return {
      turns: looks.slice(1).map((now, turn) => between(looks[turn], now)),
      over: Math.max(0, Math.ceil(last.admitted - most)),
    };
  } finally {
    for (const child of children) await child.stop();
    for (const client of admin) client.disconnect();
    await server.stop();
  }
}

/** What all processes and the server have done so far. `at` is when the last of them was asked, or a little later. */
async function look(children, admin) {
  const each = await Promise.all(children.map((child) => child.ask('look')));
  const sum = (name) => each.reduce((total, counts) => total + counts[name], 0);
  return {
    admitted: sum('admitted'),
    decisions: sum('admitted') + sum('refused'),
    failed: sum('failed'),
    cpu: sum('cpu') + (await cpuOf(admin)),
    commands: await scriptCalls({ servers: admin }),
    at: Math.max(...each.map(({ at }) => at)),
    mean: sum('at') / each.length,
  };
}

function between(before, now) {
  const decisions = now.decisions - before.decisions;
  return {
    perCpuSecond: (decisions * 1e6) / (now.cpu - before.cpu),
    perCommand: decisions / (now.commands - before.commands),
    used: (100 * (now.admitted - before.admitted)) / ((RATE * (now.mean - before.mean)) / 1000),
  };
}
