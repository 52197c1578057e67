import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CompiledLib } from '../support/compiled-lib.js';
import { startChild } from '../support/processes/start-child.js';
import { closeClients, connect } from '../support/redis/clients.js';
import { type RedisServer, startRedis } from '../support/redis/server.js';

let server: RedisServer;
let lib: CompiledLib;
let processes: Pooler[];

beforeAll(async () => {
  [server, lib] = await Promise.all([startRedis(), CompiledLib.create()]);
  processes = await Promise.all(Array.from({ length: 4 }, () => Pooler.start()));
});

afterAll(async () => {
  await Promise.all(processes.map((pooler) => pooler.close()));
  await closeClients();
  await Promise.all([server.stop(), lib.remove()]);
});

afterEach(async () => {
  await Promise.all(processes.map((pooler) => pooler.end()));
});

interface Take {
  bucket: string;
  /** In microseconds of the server's clock. */
  start: number;
}

interface Reply {
  id: number;
  value?: unknown;
  failure?: string;
}

/** A process with the pool. */
class Pooler {
  private calls = 0;
  private readonly pending = new Map<number, (reply: Reply) => void>();

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (reply: Reply) => this.pending.get(reply.id)?.(reply));
  }

  static async start(): Promise<Pooler> {
    return new Pooler(await startChild('pooler.mjs', { lib: lib.folder, url: server.url }));
  }

  private async ask<T>(call: string, ...args: unknown[]): Promise<T> {
    const id = ++this.calls;
    const reply = new Promise<Reply>((resolve) => this.pending.set(id, resolve));
    this.child.send({ id, call, args });
    const { value, failure } = await reply;
    if (failure !== undefined) throw new Error(`${call}: ${failure}`);
    return value as T;
  }

  readonly open = (config: object) => this.ask('open', config);
  readonly end = () => this.ask('end');

  readonly consume = () => this.ask<{ id?: string; retryAfterMs: number | null; calls: number }>('consume');
  readonly quarantine = (id: string) => this.ask('quarantine', id);
  readonly restore = (id: string) => this.ask<boolean>('restore', id);
  readonly wait = (name: string) => this.ask('wait', name);
  readonly waited = (name: string) =>
    this.ask<{ id?: string; ms: number; failure?: unknown }>('waited', name);
  readonly load = (callers: number) => this.ask('load', callers);
  readonly takes = () => this.ask<Take[]>('takes');

  async close(): Promise<void> {
    const exit = once(this.child, 'exit');
    await this.ask('close');
    // Nothing is left that would keep the process alive.
    expect((await exit)[0]).toBe(0);
  }
}

let pools = 0;

/** A new pool in so many of the processes. */
async function startPool(count: number, config: object): Promise<Pooler[]> {
  const name = `pool-${++pools}`;
  const poolers = processes.slice(0, count);
  await Promise.all(poolers.map((pooler) => pooler.open({ name, ...config })));
  return poolers;
}

const credentials = (limits: Record<string, object>) =>
  Object.entries(limits).map(([id, limit]) => ({ id, limit }));

async function serverMicros(): Promise<number> {
  const [seconds, micros] = await connect(server.adminUrl).time();
  return Number(seconds) * 1e6 + Number(micros);
}

describe('3 credentials of 50/min that 4 processes take from as fast as they can', () => {
  const [CAPACITY, PER_MICRO] = [50, 50 / 60e6];
  /** How long after the burst of 150: 3 tokens more of each, and half the way to the next. */
  const OBSERVED = 3.5 / PER_MICRO;
  let takes: Take[];
  let began: number;
  let end: number;

  beforeAll(async () => {
    const limit = { capacity: CAPACITY, rate: '50/min' };
    const poolers = await startPool(4, { credentials: credentials({ a: limit, b: limit, c: limit }) });
    began = await serverMicros();
    await Promise.all(poolers.map((pooler) => pooler.load(5)));
    while ((await serverMicros()) < began + OBSERVED) await sleep(50);
    end = await serverMicros();
    // Who asks without waiting does not get between those who wait.
    const intruders = await Promise.all(poolers.map((pooler) => pooler.consume()));
    expect(intruders.map(({ id }) => id)).toEqual(Array(4).fill(undefined));
    takes = (await Promise.all(poolers.map((pooler) => pooler.takes()))).flat();
    await Promise.all(poolers.map((pooler) => pooler.end()));
  });

  const startsOf = (id: string) =>
    takes
      .filter(({ bucket }) => bucket.startsWith(`pool-1/${id}:`))
      .map(({ start }) => start)
      .sort((a, b) => a - b);

  it.each(['a', 'b', 'c'])('%s never gives more than capacity + rate × window, in any window', (id) => {
    const starts = startsOf(id);
    expect(starts.length).toBeGreaterThan(CAPACITY);
    for (const [i, from] of starts.entries()) {
      for (const [j, to] of starts.slice(i).entries()) {
        // Starts are told to the microsecond.
        if (j + 1 > CAPACITY + (to - from + 1) * PER_MICRO) throw new Error(`${j + 1} in ${to - from} µs`);
      }
    }
  });

  it('together they give what there is', () => {
    const used = takes.filter(({ start }) => start <= end).length;
    const last = Math.max(...takes.map(({ start }) => start).filter((start) => start <= end));
    const given = (until: number) => 3 * (CAPACITY + (until - began) * PER_MICRO);
    const [atLast, atEnd] = [used / given(last), used / given(end)];
    console.log(
      `${used} of ${given(last).toFixed(2)} tokens: ${(100 * atLast).toFixed(2)} % when the last was taken, after ` +
        `${((last - began) / 1e6).toFixed(2)} s; ${(100 * atEnd).toFixed(2)} % at the end, half a token of each later`,
    );
    expect(used).toBeGreaterThanOrEqual(3 * (CAPACITY + 3));
    expect(atLast).toBeGreaterThanOrEqual(0.99);
  });
});

describe('what one of 4 processes does to a credential holds for the others', () => {
  const slow = { capacity: 10, rate: '1/h' };

  it('with their very next call: a quarantine, and its end', async () => {
    const plenty = { capacity: 1000, rate: '1/h' };
    const poolers = await startPool(4, {
      credentials: credentials({ best: plenty, other: slow, another: slow }),
    });
    const [first, ...others] = poolers as [Pooler, ...Pooler[]];
    const next = () => Promise.all(others.map((pooler) => pooler.consume()));
    expect(await next()).toMatchObject([
      { id: 'best', calls: 1 },
      { id: 'best', calls: 1 },
      { id: 'best', calls: 1 },
    ]);
    for (let round = 0; round < 2; round++) {
      await first.quarantine('best');
      const got = await next();
      expect(got.map(({ calls }) => calls)).toEqual([1, 1, 1]);
      expect(got.map(({ id }) => id)).not.toContain('best');
      expect(await others[round]!.restore('best')).toBe(true);
      expect((await Promise.all(poolers.map((pooler) => pooler.consume()))).map(({ id }) => id)).toEqual(
        Array(4).fill('best'),
      );
    }
  });

  /** Two credentials that are spent: a token of `soon` is there after 1.5 s, one of `later` after 2 s. */
  async function startSpent(): Promise<[Pooler, Pooler]> {
    const poolers = await startPool(2, {
      credentials: credentials({ soon: { capacity: 1, rate: '2/3s' }, later: { capacity: 1, rate: '1/2s' } }),
    });
    const [first, second] = poolers as [Pooler, Pooler];
    expect([(await first.consume()).id, (await first.consume()).id]).toEqual(['soon', 'later']);
    return [first, second];
  }

  it('who waits for it gets another, once its process has learned of it by any call', async () => {
    const [first, second] = await startSpent();
    await second.wait('somebody');
    await first.quarantine('soon');
    expect((await second.consume()).id).toBeUndefined();
    expect(await second.waited('somebody')).toMatchObject({ id: 'later' });
    const starts = [...(await first.takes()), ...(await second.takes())].filter(({ bucket }) =>
      bucket.includes('later'),
    );
    expect(starts.map(({ start }) => start - starts[0]!.start)).toEqual([0, 2_000_000]);
  });

  it('who waits is refused, where all are quarantined', async () => {
    const [first, second] = await startSpent();
    await second.wait('somebody');
    for (const id of ['soon', 'later']) await first.quarantine(id);
    expect(await second.consume()).toMatchObject({ retryAfterMs: null });
    expect(await second.waited('somebody')).toMatchObject({
      failure: { allowed: false, retryAfterMs: null },
    });
  });

  it('the shortest wait is told to all, and waited for', async () => {
    const [first, second] = await startSpent();
    const told = await second.consume();
    expect([told.id, told.calls]).toEqual([undefined, 1]);
    expect(told.retryAfterMs).toBeGreaterThan(0);
    expect(told.retryAfterMs).toBeLessThanOrEqual(1500);
    await second.wait('somebody');
    const { id, ms } = await second.waited('somebody');
    expect(id).toBe('soon');
    // It was asked for after that was told, so the rest is no longer.
    expect(ms).toBeLessThan(told.retryAfterMs! + 500);
    const [[taken], [waited]] = [await first.takes(), await second.takes()];
    expect(waited!.start - taken!.start).toBe(1_500_000);
  });
});

describe('a sticky pool', () => {
  const limit = { capacity: 3, rate: '1/h' };
  const shared = { credentials: credentials({ a: limit, b: limit, c: limit }) };
  const takeTurns = async (poolers: Pooler[], rounds: number) => {
    const taken: (string | undefined)[][] = poolers.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, pooler] of poolers.entries()) taken[i]!.push((await pooler.consume()).id);
    }
    return taken.map((ids) => ids.map((id) => id ?? '-').join(''));
  };

  it('stays with a credential until it is spent, in each process with its own', async () => {
    const poolers = await startPool(2, { ...shared, sticky: true });
    expect(await takeTurns(poolers, 6)).toEqual(['aaacc-', 'bbbc--']);
  });

  it('leaves one that is quarantined, and the next is its new one', async () => {
    const poolers = await startPool(2, { ...shared, sticky: true });
    expect(await takeTurns(poolers, 1)).toEqual(['a', 'b']);
    await poolers[1]!.quarantine('a');
    expect(await takeTurns(poolers, 1)).toEqual(['c', 'b']);
    await poolers[1]!.restore('a');
    expect(await takeTurns(poolers, 1)).toEqual(['c', 'b']);
  });

  it('is not what a pool is otherwise: each call takes the one with the most left', async () => {
    const poolers = await startPool(2, shared);
    expect(await takeTurns(poolers, 5)).toEqual(['acbac', 'bacb-']);
  });
});
