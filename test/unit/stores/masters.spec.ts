import { setImmediate as eventLoop } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Masters } from '../../../lib/stores/redis/masters.js';
import type { RedisClient } from '../../../lib/stores/redis/redis-client.js';
import { RedisNames } from '../../../lib/stores/redis/redis-names.js';
import { takeScript } from '../../../lib/stores/redis/scripts/generated.js';

const CALL = { script: takeScript, keys: ['a:{1}', 'a:{2}'], args: ['', ''] };

let now: number;
let fail: Error | undefined;
beforeEach(() => {
  now = 1000;
  fail = undefined;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => void jest.restoreAllMocks());

/** A Cluster as the client has it, whose only connection is to the first master. */
function clusterOf(answer: () => Promise<unknown>) {
  const tried: string[] = [];
  const connection = {
    status: 'ready',
    options: { host: 'one', port: 1 },
    stream: { cork: () => undefined, uncork: () => undefined },
    evalsha: async (_: string, keys: number, ...rest: string[]) => {
      if (fail) throw fail;
      return [keys, ...rest];
    },
    eval: (_: string, __: number, ...rest: string[]) => {
      tried.push(rest.at(-1) as string);
      return answer();
    },
  };
  const slots: string[][] = Array.from({ length: 16_384 }, () => ['one:1']);
  const client = {
    isCluster: true,
    slots,
    nodes: () => [connection],
    options: {},
  } as unknown as RedisClient;
  const masters = new Masters(client, new RedisNames(client, { prefix: 'p' }));
  return { masters, slots, tried };
}

const refuse = () =>
  Promise.reject(new Error('ERR Script attempted to access a non local key in a cluster node'));

it('a master that has no other beside it is tried when there may be one', async () => {
  const { masters, slots, tried } = clusterOf(refuse);
  expect(masters.of('a:{1}')).toBeUndefined();
  slots.fill(['two:2'], 0, 8192);
  now += 29_999;
  expect([masters.of('a:{1}'), tried.length]).toEqual([undefined, 0]);

  now += 1;
  expect([masters.of('a:{1}'), tried.length]).toEqual([undefined, 1]);
  await eventLoop();
  expect(await masters.of('a:{1}')?.(CALL)).toEqual([1, 'a:{1}', '', '', 'a:{2}']);
});

it('one that lets a script have what it does not serve is tried again much later', async () => {
  let answer: () => Promise<unknown> = async () => [];
  const { masters, slots, tried } = clusterOf(() => answer());
  slots.fill(['two:2'], 0, 8192);
  masters.of('a:{1}');
  await eventLoop();
  answer = refuse;
  now += 29_999;
  expect([masters.of('a:{1}'), tried.length]).toEqual([undefined, 1]);

  now += 1;
  masters.of('a:{1}');
  await eventLoop();
  expect([typeof masters.of('a:{1}'), tried.length]).toEqual(['function', 2]);
});

it('is asked one by one for a second after a call that it could not decide', async () => {
  const { masters, slots, tried } = clusterOf(refuse);
  slots.fill(['two:2'], 0, 8192);
  masters.of('a:{1}');
  await eventLoop();
  const toMaster = masters.of('a:{1}');
  fail = new Error('TRYAGAIN Multiple keys request during rehashing of slot');
  await expect(toMaster?.(CALL)).rejects.toThrow('TRYAGAIN');
  expect(masters.of('a:{1}')).toBeUndefined();

  now += 999;
  expect([masters.of('a:{1}'), tried.length]).toEqual([undefined, 1]);
  now += 1;
  masters.of('a:{1}');
  await eventLoop();
  expect([typeof masters.of('a:{1}'), tried.length]).toEqual(['function', 2]);
});
