import { once } from 'node:events';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CompiledLib } from '../support/compiled-lib.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { startChild } from '../support/processes/start-child.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

interface Start {
  costs: number[];
  slots: number[];
}

let server: RedisServer;
let lib: CompiledLib;

beforeAll(async () => {
  [server, lib] = await Promise.all([startRedis(), CompiledLib.create()]);
});

afterAll(async () => {
  await Promise.all([server.stop(), lib.remove()]);
});

it('two lines that 4 processes take from together share one start, spaced by the interval in each', async () => {
  const lines = [
    { name: 'quick', capacity: 1_000_000, rate: 100 },
    { name: 'slow', capacity: 1_000_000, rate: 37 },
  ];
  const config = { lib: lib.folder, url: server.url, prefix: freshPrefix('stacked'), lines, requests: 100 };
  const children = await Promise.all(Array.from({ length: 4 }, () => startChild('stacker.mjs', config)));
  const replies = children.map(async (child) => (await once(child, 'message'))[0] as Start[]);
  for (const child of children) child.send('go');
  const starts = (await Promise.all(replies)).flat().sort((a, b) => a.slots[0]! - b.slots[0]!);
  expect(starts).toHaveLength(400);
  for (const { slots } of starts) expect(Math.abs(slots[0]! - slots[1]!)).toBeLessThanOrEqual(1);
  lines.forEach(({ rate }, line) => {
    const tooClose = starts.slice(1).filter(({ slots }, i) => {
      const before = starts[i]!;
      // Slots are told to the microsecond.
      return slots[line]! - before.slots[line]! < (before.costs[line]! / rate) * 1e6 - 1;
    });
    expect(tooClose).toEqual([]);
  });
  // Neither line alone would have taken so long: each has waited for the other.
  const span = starts.at(-1)!.slots[0]! - starts[0]!.slots[0]!;
  const alone = lines.map(({ rate }, line) => {
    const costs = starts.slice(0, -1).reduce((sum, { costs }) => sum + costs[line]!, 0);
    return (costs / rate) * 1e6;
  });
  expect(span).toBeGreaterThan(Math.max(...alone) * 0.999);
});
