import { beforeEach, describe, expect, it } from '@jest/globals';
import { RateLimitError } from '../../../lib/errors/rate-limit.error.js';
import { NodeGate } from '../../../lib/resilience/node-gate.js';
import { StoreHealth } from '../../../lib/resilience/store-health.js';

const ada = { node: 'a', key: '{ada}' };
const bob = { node: 'b', key: '{bob}' };
const never = () => new Promise<never>(() => undefined);
const soon = () => performance.now() + 5;

let health: StoreHealth;
let gate: NodeGate;
let keyFailures: string[];

beforeEach(() => {
  health = new StoreHealth();
  keyFailures = [];
  const onKeyFailure = (key: string) => keyFailures.push(key);
  gate = new NodeGate(health, { timeoutMs: 5, probeMs: 1000, onKeyFailure });
});

describe('a call through the gate', () => {
  it('answers what it has made', async () => {
    expect(await gate.call(ada, soon(), async () => 7)).toBe(7);
  });

  it('fails at its deadline, and the next at once, without being made', async () => {
    await expect(gate.call(ada, soon(), never)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    let isMade = false;
    const next = gate.call(ada, undefined, async () => {
      isMade = true;
    });
    await expect(next).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(isMade).toBe(false);
  });

  it('to another node is none of its business', async () => {
    await expect(gate.call(ada, soon(), never)).rejects.toThrow();
    expect(await gate.call(bob, soon(), async () => 7)).toBe(7);
    expect(health.openNodes.map(({ node }) => node)).toEqual(['a']);
  });

  it('that comes after its deadline is handed on', async () => {
    let answer = (_: number) => {};
    const call = gate.call(
      ada,
      soon(),
      () => new Promise<number>((resolve) => (answer = resolve)),
      (late) => told.push(late),
    );
    const told: number[] = [];
    await expect(call).rejects.toThrow();
    answer(7);
    await Promise.resolve();
    expect(told).toEqual([7]);
  });

  it('whose reply has arrived while this process was busy is in time', async () => {
    const reply = new Promise<number>((resolve) => setTimeout(() => setImmediate(resolve, 7), 0));
    const call = gate.call(ada, performance.now() + 1, () => reply);
    const busyUntil = performance.now() + 20;
    while (performance.now() < busyUntil);
    expect(await call).toBe(7);
  });

  it('that fails opens the node, with what has failed as the cause', async () => {
    const failure = new Error('OOM command not allowed');
    const call = gate.call(ada, soon(), () => Promise.reject(failure));
    await expect(call).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: failure });
    expect(health.openNodes).toMatchObject([{ node: 'a', reason: 'OOM command not allowed' }]);
  });

  it.each([
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    'ERR user_script:1: no bucket record at floodgate:daily:{ada}',
  ])('that fails for one key is told, and opens nothing: %s', async (message) => {
    await expect(gate.call(ada, soon(), () => Promise.reject(new Error(message)))).rejects.toThrow(message);
    expect(keyFailures).toEqual(['{ada}']);
    expect(health.state).toBe('closed');
  });

  it.each([
    "NOPERM this user has no permissions to run the 'hgetall' command",
    "ERR The user executing the script can't run this command or subcommand script: d7fc, on @user_script:75.",
    "ERR ACL failure in script: User poor has no permissions to run the 'zadd' command script: d7fc",
  ])(
    'that is forbidden opens the node where it was to decide, and else is told to who made it: %s',
    async (message) => {
      const forbidden = () => Promise.reject(new Error(message));
      await expect(gate.call(ada, soon(), forbidden)).rejects.toThrow(message);
      expect([health.state, keyFailures]).toEqual(['closed', []]);
      const decision = gate.call({ ...ada, isDecision: true }, soon(), forbidden);
      await expect(decision).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(health.state).toBe('open');
    },
  );

  it('that is misuse stays what it is', async () => {
    const misuse = new RateLimitError('CLUSTER_PICK', 'two slots');
    await expect(gate.call(ada, soon(), () => Promise.reject(misuse))).rejects.toBe(misuse);
    expect(health.state).toBe('closed');
  });

  it('is made again when a probe was answered', async () => {
    gate.probeWith(async () => undefined);
    gate.lost('a', 'there is no connection');
    await expect(gate.call(ada, soon(), never)).rejects.toThrow('there is no connection');
    const closed = new Promise<void>((resolve) => health.onChange(() => resolve()));
    gate.ready('a');
    await closed;
    expect(await gate.call(ada, soon(), async () => 7)).toBe(7);
  });
});

describe('a call that was given less time than others', () => {
  it('fails at its deadline, and says nothing of the node until it has had as long', async () => {
    const short = new NodeGate(health, { timeoutMs: 40, probeMs: 1000, onKeyFailure: () => undefined });
    await expect(short.call(ada, performance.now() + 1, never)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(health.state).toBe('closed');
    await new Promise<void>((resolve) => health.onChange(() => resolve()));
    expect(health.openNodes).toMatchObject([{ reason: 'no answer within 40 ms' }]);
  });

  it('and is answered in the time of others, leaves the node as it is', async () => {
    const short = new NodeGate(health, { timeoutMs: 40, probeMs: 1000, onKeyFailure: () => undefined });
    const late = new Promise((resolve) => setTimeout(resolve, 15));
    await expect(short.call(ada, performance.now() + 1, () => late)).rejects.toThrow();
    await late;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(health.state).toBe('closed');
  });
});

describe('the health of a store', () => {
  it('tells every listener, also behind one that throws', () => {
    const told: unknown[] = [];
    const failing = new StoreHealth((error) => told.push((error as Error).message));
    failing.onChange(() => {
      throw new Error('a listener has failed');
    });
    failing.onChange(({ state }) => told.push(state));
    failing.opened('', 'gone');
    expect(told).toEqual(['a listener has failed', 'open']);
  });

  it('tells nobody who has left', () => {
    const told: string[] = [];
    const leave = health.onChange(({ state }) => told.push(state));
    health.opened('', 'gone');
    leave();
    health.closed('', 5);
    expect(told).toEqual(['open']);
    expect(health.state).toBe('closed');
  });
});
