// A route of NestJS with a limiter before it: the CPU of the server's process for each request.
import { digits, withSpread } from '../lib/cells.mjs';
import { Child } from '../lib/child.mjs';
import { startRedis } from '../lib/redis.mjs';
import { mean } from '../lib/statistics.mjs';
import { OURS } from './contenders.mjs';

/** V8 goes on compiling for about so many requests, of the control as of the others: what is compared is how a server runs all day. */
const WARM_UP = 20_000;
const REQUESTS = 10_000;
/** A boot takes as long as what is measured. */
const MOST_PROCESSES = 5;

const THROTTLER = '@nestjs/throttler';
const contenders = (platform) => [
  { title: 'a guard that returns true', name: 'control', control: true },
  { title: 'the same again', name: 'control', control: true },
  { title: `${OURS}, memory`, name: 'ours' },
  { title: `${OURS}, strict Redis`, name: 'ours', redis: true },
  { title: `${THROTTLER}, memory`, name: 'throttler' },
  { title: `${THROTTLER}, storage on Redis`, name: 'throttler', redis: true },
  {
    title: platform === 'express' ? 'express-rate-limit, memory' : '@fastify/rate-limit, memory',
    name: 'platforms',
  },
];

/** Fresh processes, in random order: what one process is lucky with, another is not. */
export async function http(effort) {
  const load = await Child.start('load', 'http', {});
  try {
    const [express, fastify] = [
      await measure('express', load, effort),
      await measure('fastify', load, effort),
    ];
    return { tables: [express.table, fastify.table], figures: { ...express.figures, ...fastify.figures } };
  } finally {
    await load.stop();
  }
}

async function measure(platform, load, effort) {
  const { progress } = effort;
  const turns = Math.min(effort.turns, MOST_PROCESSES);
  const all = contenders(platform);
  const runs = shuffled(all.flatMap((contender) => Array.from({ length: turns }, () => contender)));
  const cpu = new Map(all.map((contender) => [contender, []]));
  for (const [index, contender] of runs.entries()) {
    progress(`${platform}, process ${index + 1} of ${runs.length}`);
    cpu.get(contender).push(await perRequest(platform, contender, load));
  }
  const control = mean(all.filter((each) => each.control).flatMap((each) => cpu.get(each)));
  const times = (title) => ({ median: mean(cpu.get(all.find((each) => each.title === title))) / control });
  const [memory, redis] = [`${OURS}, memory`, `${OURS}, strict Redis`].map(times);
  const rows = all.map(({ title }, i) => [
    title,
    digits(mean(cpu.get(all[i]))),
    withSpread(cpu.get(all[i])),
    digits(times(title).median),
  ]);
  const head = ['', 'CPU µs per request, mean', 'median and quartiles', '÷ control'];
  return {
    table: { title: `A route of NestJS on ${platform}, ${turns} fresh processes each`, head, rows },
    figures: {
      [`http.${platform}.memory`]: memory,
      [`http.${platform}.redis`]: redis,
      [`http.${platform}.memory.throttler`]: { median: memory.median / times(`${THROTTLER}, memory`).median },
      [`http.${platform}.redis.throttler`]: {
        median: redis.median / times(`${THROTTLER}, storage on Redis`).median,
      },
    },
  };
}

/** Microseconds of the server's process, in a fresh one. A Redis server beside it is not counted, and neither is the load. */
async function perRequest(platform, { name, redis, control = false }, load) {
  const server = redis ? await startRedis() : undefined;
  const child = await Child.start('http', name, { platform, urls: server ? [server.url] : [] });
  try {
    const port = await child.ask('port');
    await load.ask('send', { port, count: WARM_UP });
    const before = await child.ask('cpu');
    const { limited } = await load.ask('send', { port, count: REQUESTS });
    const after = await child.ask('cpu');
    if (limited !== (control ? 0 : REQUESTS))
      throw new Error(`${name}: ${limited} responses told of a limit`);
    return (after - before) / REQUESTS;
  } finally {
    await child.stop();
    await server?.stop();
  }
}

function shuffled(values) {
  const order = [...values];
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}
