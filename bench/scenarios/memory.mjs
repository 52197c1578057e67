// The memory of one process.
import { digits, withSpread } from '../lib/cells.mjs';
import { Child } from '../lib/child.mjs';
import { ratios, spread } from '../lib/statistics.mjs';
import { column, inTurns } from '../lib/turns.mjs';
import { FLEXIBLE, OURS } from './contenders.mjs';

const KEYS = 100_000;

const NOW = `${OURS}, at once`;
const AWAITED = `${OURS}, awaited`;
const FLEXIBLE_AWAITED = `${FLEXIBLE}, awaited`;
const EXPRESS_AWAITED = 'express-rate-limit, awaited';

const contenders = [
  { title: NOW, name: 'ours', loop: 'syncLoop' },
  { title: AWAITED, name: 'ours', loop: 'awaitedLoop' },
  { title: FLEXIBLE_AWAITED, name: 'flexible', loop: 'awaitedLoop' },
  { title: EXPRESS_AWAITED, name: 'express', loop: 'awaitedLoop' },
  { title: 'limiter in a Map, at once: yes or no', name: 'limiterPackage', loop: 'syncLoop' },
  ...[
    { title: `${NOW}, keys out of order`, name: 'ours', loop: 'syncLoop' },
    { title: `${FLEXIBLE_AWAITED}, keys out of order`, name: 'flexible', loop: 'awaitedLoop' },
    { title: `${EXPRESS_AWAITED}, keys out of order`, name: 'express', loop: 'awaitedLoop' },
  ].map((contender) => ({ ...contender, isScattered: true })),
  // A hundredth of the keys: it takes about a hundred times as long.
  { title: 'bottleneck, awaited: a job, 1,000 keys', name: 'bottleneck', loop: 'awaitedLoop', keys: 1000 },
  { title: 'the loop alone, at once', name: 'nothing', loop: 'syncLoop' },
  { title: 'the loop alone, awaited', name: 'nothing', loop: 'awaitedLoop' },
];

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function memory(effort) {
  const speed = await speeds(effort);
  const size = await sizes(effort);
  const cpu = (title) => column(speed.get(title), 'cpu');
  const perCpuSecond = (values) => values.map((value) => 1e6 / value);
  const rows = contenders.map(({ title, name }) => [
    title,
    withSpread(cpu(title)),
    withSpread(perCpuSecond(cpu(title))),
    size.has(name) ? digits(size.get(name)) : '',
  ]);
  const head = ['', 'CPU µs', 'decisions per CPU-second', 'bytes per key'];
  return {
    tables: [{ title: 'In memory, 100,000 keys', head, rows }],
    figures: {
      'memory.perCpuSecond': spread(perCpuSecond(cpu(NOW))),
      'memory.flexible': ratios(cpu(FLEXIBLE_AWAITED), cpu(NOW)),
      'memory.express': ratios(cpu(AWAITED), cpu(EXPRESS_AWAITED)),
      'memory.bytes': { median: size.get('ours') },
    },
  };
}

async function speeds(effort) {
  const children = [];
  try {
    for (const contender of contenders) {
      const { name, keys = KEYS, loop, isScattered = false } = contender;
      const child = await Child.start('memory', name, { keys, isScattered });
      children.push({ ...contender, child, count: await countFor(child, loop, 2 * keys, effort.ms) });
    }
    const results = await inTurns(children, effort, ({ child, loop, count }) => child.ask(loop, { count }));
    return new Map([...results].map(([{ title }, turns]) => [title, turns]));
  } finally {
    for (const { child } of children) await child.stop();
  }
}

/** How many calls make a turn; every key has been there before. */
async function countFor(child, loop, warmUp, ms) {
  await child.ask(loop, { count: warmUp });
  const { perSecond } = await child.ask(loop, { count: warmUp });
  return Math.round((perSecond * ms) / 1000);
}

/** Bytes per key by subject, each in a fresh process. */
async function sizes({ progress }) {
  const results = new Map();
  for (const { name, keys = KEYS } of contenders) {
    if (results.has(name) || name === 'nothing') continue;
    progress(`bytes per key of ${name}`);
    const child = await Child.start('memory', name, { keys: 1 }, ['--expose-gc']);
    results.set(name, await child.ask('bytesPerKey', { count: keys }).finally(() => child.stop()));
  }
  return results;
}
