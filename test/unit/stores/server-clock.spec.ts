import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { leakyBucket } from '../../../lib/index.js';
import { Limiter } from '../../../lib/limiter/limiter.js';
import { RedisStore } from '../../../lib/stores/redis/redis.store.js';
import { RedisCalls } from '../../../lib/stores/redis/redis-calls.js';
import type { RedisClient } from '../../../lib/stores/redis/redis-client.js';
import { ServerClock } from '../../../lib/stores/redis/server-clock.js';
import { Random } from '../../support/oracle/scenario.js';

/** A server whose time in milliseconds is a line over the local time, and a way to it and back. */
class Server {
  private readonly clock = new ServerClock();
  ahead = 1_800_000_000_000;

  /** Sent at a local time; after so many milliseconds it is decided, after so many more the reply is there. */
  call(sent: number, there: number, back: number): number {
    const time = Math.floor((sent + there + this.ahead) * 1000);
    return this.clock.decidedAt(time, sent, sent + there + back) - (sent + there);
  }

  timeAt(local: number): number | undefined {
    return this.clock.timeAt(local);
  }
}

// The times since 1970 are numbers of microseconds near 2^51: a quarter of one is lost.
const NOTHING = 3;
/** What the clocks may have drifted in so many milliseconds. */
const drift = (ms: number) => ms * 500e-6;

describe("the server's clock, seen from here: how late a decision is taken to be, in milliseconds", () => {
  it('is the way of the reply for the first one', () => {
    expect(new Server().call(1000, 2, 30)).toBeCloseTo(30, NOTHING);
  });

  it('is for a late reply no more than for the quickest one before, and the drift since', () => {
    const server = new Server();
    server.call(0, 1, 10);
    server.call(1000, 1, 0.2);
    expect(server.call(2000, 1, 40)).toBeCloseTo(0.2 + drift(1039.8), NOTHING);
    expect(server.call(12_000, 5, 400)).toBeCloseTo(0.2 + drift(11_403.8), NOTHING);
    expect(server.call(13_000, 1, 0.1)).toBeCloseTo(0.1, NOTHING);
  });

  it('is never more than the way of the reply, however long nothing was asked', () => {
    const server = new Server();
    server.call(0, 1, 0.2);
    expect(server.call(3_600_000, 1, 30)).toBeCloseTo(30, NOTHING);
  });

  it('is no more than the way of the reply where the clock was set forward, and soon little again', () => {
    const server = new Server();
    server.call(0, 1, 0.2);
    server.ahead += 60_000;
    expect(server.call(10, 1, 3)).toBeCloseTo(3, NOTHING);
    expect(server.call(20, 1, 0.3)).toBeCloseTo(0.3, NOTHING);
    expect(server.call(30, 1, 50)).toBeCloseTo(0.3 + drift(59.7), NOTHING);
  });

  it('begins anew where the clock was set back, or is that of another server, behind', () => {
    const server = new Server();
    server.call(0, 1, 0.2);
    server.ahead -= 60_000;
    expect(server.call(10, 1, 3)).toBeCloseTo(3, NOTHING);
    expect(server.call(20, 1, 0.3)).toBeCloseTo(0.3, NOTHING);
    expect(server.call(30, 1, 50)).toBeCloseTo(0.3 + drift(59.7), NOTHING);
  });

  it('is off by less than the way of the call where the clock was set back by too little to be noticed', () => {
    const server = new Server();
    server.call(0, 1, 0.2);
    server.ahead -= 0.7;
    const late = server.call(10, 1, 3);
    expect(late).toBeLessThan(0);
    expect(late).toBeGreaterThan(-0.7);
  });

  it('lies in any case between sending and receipt', () => {
    const random = new Random(20_261_124);
    const server = new Server();
    let now = 0;
    for (let i = 0; i < 10_000; i++) {
      const [there, back] = [random.below(1000) / 100, random.below(5000) / 100];
      if (random.chance(0.1)) server.ahead += (random.below(2_000_001) - 1_000_000) / 100;
      const late = server.call(now, there, back);
      expect(late).toBeGreaterThanOrEqual(-there - 0.001);
      expect(late).toBeLessThanOrEqual(back + 0.001);
      now += there + back + random.below(1000);
    }
  });

  it.each([499e-6, -499e-6, 0])('is never negative where the clocks run apart by %p', (rate) => {
    const random = new Random(7);
    const server = new Server();
    let now = 0;
    let sum = 0;
    for (let i = 0; i < 10_000; i++) {
      const back = 0.2 + random.below(5000) / 100;
      const late = server.call(now, random.below(1000) / 100, back);
      expect(late).toBeGreaterThanOrEqual(-0.001);
      sum += late / back;
      const pause = random.below(100);
      now += 60 + pause;
      server.ahead -= rate * (60 + pause);
    }
    // A part of what the replies were late; drift counts twice where the clocks do run apart.
    expect(sum / 10_000).toBeLessThan(0.25);
  });
});

describe("the server's time at a moment to come", () => {
  it('is not known before the first reply', () => {
    expect(new ServerClock().timeAt(1000)).toBeUndefined();
  });

  it.each([499e-6, -499e-6, 0])(
    'is never taken to be later than it will be, where the clocks run apart by %p',
    (rate) => {
      const random = new Random(11);
      const server = new Server();
      let now = 0;
      let [early, late] = [0, 0];
      for (let i = 0; i < 10_000; i++) {
        const back = 0.2 + random.below(5000) / 100;
        server.call(now, random.below(1000) / 100, back);
        const pause = random.below(100);
        now += 60 + pause;
        server.ahead -= rate * (60 + pause);
        const ahead = random.below(10_000);
        const time = (now + ahead + server.ahead - rate * ahead) * 1000;
        const told = server.timeAt(now + ahead)!;
        if (told > time) late++;
        early += time - told;
      }
      expect(late).toBe(0);
      // Milliseconds, though replies were on their way for 25 on the average: mostly the drift to come, which counts twice.
      expect(early / 10_000).toBeLessThan(10_000);
    },
  );
});

describe('the clocks of a cluster', () => {
  const CALL = { script: { name: 'script', lua: '' }, keys: ['p:{k}'], args: [] };

  /** Two masters, of which the second is an hour behind; the slot of the key moves while a call is under way. */
  it('learn nothing of a reply that may be of another master than the call was sent to', async () => {
    const slots = Array.from({ length: 16_384 }, () => ['first']);
    const deadlines: string[] = [];
    const replyOf = (node: string) => [(Date.now() - (node === 'second' ? 3_600_000 : 0)) * 1000];
    const client = {
      isCluster: true,
      slots,
      get: async () => null,
      hgetall: async () => ({}),
      defineCommand(name: string) {
        (client as Record<string, unknown>)[name] = async (...[, , deadline]: string[]) => {
          deadlines.push(deadline ?? '');
          const wasMoving = isMoving;
          isMoving = false;
          if (wasMoving) for (const slot of slots) slot[0] = 'second';
          const [node] = slots[0] as [string];
          return replyOf(node);
        };
      },
    };
    let isMoving = false;
    const calls = new RedisCalls(client as RedisClient, { prefix: 'p' });
    const send = async () => {
      const { reply, toLocal } = await calls.sendInTime(CALL, performance.now() + 600_000);
      toLocal((reply as number[])[0]!);
      return Number(deadlines.at(-1)) / 1000 - Date.now();
    };
    expect(Math.abs((await send()) - 600_000)).toBeLessThan(60_000);
    isMoving = true;
    await send();
    // The second is asked for its time first, and the first's is still what it was.
    expect(Math.abs((await send()) - 600_000 + 3_600_000)).toBeLessThan(60_000);
    for (const slot of slots) slot[0] = 'first';
    expect(Math.abs((await send()) - 600_000)).toBeLessThan(60_000);
    // Each was asked once, without a deadline.
    expect(deadlines.filter((deadline) => deadline === '')).toHaveLength(2);
  });
});

describe('a store on a server whose replies come late', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const line = { id: 'line', policy: leakyBucket({ name: 'line', capacity: 100, rate: 100 }) };
  /** An empty line at first, then one of 50 ms. A call comes after 1 ms, and its reply after a time that is set. */
  function serve(isCluster: boolean) {
    let now = 1000;
    let waiting = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const told = { back: 0.25 };
    const level = () => 50_000 * line.policy.limit!.scale.ticksPerMicro * waiting++;
    const client = {
      isCluster,
      get: async () => null,
      hgetall: async () => ({}),
      defineCommand(name: string) {
        (client as Record<string, unknown>)[name] = async () => {
          const reply = [(now + 1) * 1000, 1, level(), ''];
          now += 1 + told.back;
          return reply;
        };
      },
    };
    const store = new RedisStore(client as RedisClient, { prefix: 'p' });
    const limiter = new Limiter(store);
    const decide = () => limiter.decide([{ placed: line, key: 'k', cost: 1 }]);
    return { told, decide };
  }

  it('lets a turn start when it should, not later by the way of the reply', async () => {
    const { told, decide } = serve(false);
    expect((await decide()).decidedAt).toBeCloseTo(1001.25, NOTHING);
    told.back = 40;
    const { decidedAt, waitMs } = await decide();
    expect(decidedAt).toBeCloseTo(1002.25 + 0.25 + drift(41), NOTHING);
    expect(waitMs).toBe(50);
  });

  it('counts from the receipt where nobody knows which master of a cluster has answered', async () => {
    const { told, decide } = serve(true);
    await decide();
    told.back = 40;
    expect((await decide()).decidedAt).toBe(1042.25);
  });
});
