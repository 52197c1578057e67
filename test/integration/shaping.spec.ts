import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CompiledLib } from '../support/compiled-lib.js';
import { freshPrefix } from '../support/fresh-prefix.js';
import { startChild } from '../support/processes/start-child.js';
import { closeClients } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

interface Turn {
  /** When the server has decided it, in microseconds of its clock. */
  decided: number;
  /** In microseconds of the server's clock. */
  slot: number;
  start: number;
  /** How long after its decision the reply was received, in microseconds. */
  replyLate: number;
}

interface Told {
  turns: Turn[];
  storeCalls: number;
  clockError: number;
}

let server: RedisServer;
let lib: CompiledLib;

beforeAll(async () => {
  [server, lib] = await Promise.all([startRedis(), CompiledLib.create()]);
});

afterAll(async () => {
  await closeClients();
  await Promise.all([server.stop(), lib.remove()]);
});

/** Several processes that ask for their turns at the same moment. */
async function turnsOf(processes: number, config: object): Promise<{ turns: Turn[]; told: Told[] }> {
  const options = { lib: lib.folder, url: server.url, prefix: freshPrefix('shaping'), ...config };
  const children = await Promise.all(
    Array.from({ length: processes }, () => startChild('shaper.mjs', options)),
  );
  const replies = children.map(async (child) => (await once(child, 'message'))[0] as Told);
  const ended = children.map((child) => once(child, 'exit'));
  for (const child of children) child.send('go');
  const told = await Promise.all(replies);
  // Nothing is left that would keep a process alive.
  expect((await Promise.all(ended)).map(([code]) => code)).toEqual(children.map(() => 0));
  return { turns: told.flatMap(({ turns }) => turns).sort((a, b) => a.slot - b.slot), told };
}

const percentile = (sorted: number[], p: number) => sorted[Math.ceil(sorted.length * p) - 1]!;

const ascending = (numbers: number[]) => numbers.sort((a, b) => a - b);
const figures = (late: number[]) =>
  `p50, p99, max: ${[percentile(late, 0.5), percentile(late, 0.99), late.at(-1)!].map((us) => (us / 1000).toFixed(2)).join(', ')} ms`;

describe('a leaky bucket of 100/s that 4 processes ask for 250 turns each at once', () => {
  let turns: Turn[];
  let told: Told[];

  beforeAll(async () => {
    const policies = [{ algorithm: 'leaky-bucket', name: 'line', capacity: 1000, rate: 100 }];
    ({ turns, told } = await turnsOf(4, { policies, requests: 250 }));
  });

  it('reserves slots exactly 10 ms apart, none of them twice', () => {
    expect(turns).toHaveLength(1000);
    const gaps = turns.slice(1).map(({ slot }, i) => slot - turns[i]!.slot);
    expect(new Set(gaps)).toEqual(new Set([10_000]));
  });

  it('starts none before its slot', () => {
    const error = Math.max(...told.map(({ clockError }) => clockError));
    const late = ascending(turns.map(({ slot, start }) => start - slot));
    console.log(`lateness ${figures(late)}; clocks compared to ±${error.toFixed(0)} µs`);
    expect(late[0]!).toBeGreaterThan(-error);
  });

  it('starts them sooner after their slots than their replies came after the decisions', () => {
    const late = ascending(turns.map(({ slot, start }) => start - slot));
    const replies = ascending(turns.map(({ replyLate }) => replyLate));
    console.log(`replies ${figures(replies)} after the decision`);
    // Counted from the receipt, each start would be late by its reply and by the timer.
    expect(percentile(late, 0.5)).toBeLessThan(percentile(replies, 0.5));
    // A bound for mistakes: the first slots of all have passed when a busy machine reads the replies.
    expect(percentile(late, 0.99)).toBeLessThan(500_000);
  });

  it('puts no more into any second than the rate and the lateness allow', () => {
    const starts = turns.map(({ start }) => start).sort((a, b) => a - b);
    const latest = Math.max(...turns.map(({ slot, start }) => start - slot));
    const inWindow = starts.map(
      (from) => starts.filter((start) => start >= from && start < from + 1e6).length,
    );
    expect(Math.max(...inWindow)).toBeLessThanOrEqual(101 + Math.ceil(latest / 10_000));
  });

  it('serves first come, first served within each process', () => {
    for (const { turns: own } of told) {
      const slots = own.map(({ slot }) => slot);
      expect(slots).toEqual([...slots].sort((a, b) => a - b));
    }
  });

  it('and across them: who was decided first has the earlier slot', () => {
    const inOrder = [...turns].sort((a, b) => a.decided - b.decided);
    expect(inOrder.map(({ slot }) => slot)).toEqual(turns.map(({ slot }) => slot));
  });
});

describe('a token bucket of 10 at 100/s that 4 processes ask for 25 times 5 tokens each at once', () => {
  it('serves them by the exact schedule, with one call of the store each', async () => {
    const policies = [{ algorithm: 'token-bucket', name: 'tokens', capacity: 10, rate: 100 }];
    const { turns, told } = await turnsOf(4, { policies, requests: 25, cost: 5 });
    expect(told.map(({ storeCalls }) => storeCalls)).toEqual([25, 25, 25, 25]);
    // Two find their tokens, the other 98 come 50 ms apart: what was taken in any window stays below capacity + rate × window.
    const starts = turns.map(({ start }) => start).sort((a, b) => a - b);
    const total = starts.at(-1)! - starts[0]!;
    expect(Math.abs(total - 98 * 50_000)).toBeLessThan(98 * 50_000 * 0.02);
    for (const [i, from] of turns.entries()) {
      for (const [j, to] of turns.slice(i).entries()) {
        expect((j + 1) * 5).toBeLessThanOrEqual(10 + (to.slot - from.slot + 1) / 10_000);
      }
    }
  });
});
