import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Breaker, type BreakerOptions } from '../../../lib/resilience/breaker.js';

interface Probe {
  readonly key: string;
  answer(): void;
  fail(error: Error): void;
}

let probes: Probe[];
let told: string[];
let breaker: Breaker;
let options: BreakerOptions;

const turn = async () => {
  await Promise.resolve();
  await Promise.resolve();
  jest.advanceTimersByTime(0);
  await Promise.resolve();
};

beforeEach(() => {
  jest.useFakeTimers();
  probes = [];
  told = [];
  options = {
    timeoutMs: 100,
    probeMs: 250,
    probe: (key) =>
      new Promise<void>((answer, fail) => {
        probes.push({ key, answer, fail });
      }),
    onOpen: (reason) => told.push(`open: ${reason}`),
    onClose: (ms) => told.push(`closed after ${ms}`),
  };
  breaker = new Breaker(options);
});
afterEach(() => {
  breaker.stop();
  jest.useRealTimers();
});

describe('a breaker', () => {
  it('opens once, for its first reason', () => {
    breaker.open('no answer', '{ada}');
    breaker.open('no answer either', '{bob}');
    expect(breaker.isOpen).toBe(true);
    expect(told).toEqual(['open: no answer']);
  });

  it('probes by the key that has failed last, as long as it is open', () => {
    breaker.open('no answer', '{ada}');
    jest.advanceTimersByTime(250);
    breaker.open('no answer', '{bob}');
    jest.advanceTimersByTime(250);
    expect(probes.map(({ key }) => key)).toEqual(['{ada}', '{bob}']);
  });

  it('has two probes under way at most', () => {
    breaker.open('no answer');
    jest.advanceTimersByTime(2500);
    expect(probes).toHaveLength(2);
    probes[0]?.fail(new Error('refused'));
    return turn().then(() => {
      jest.advanceTimersByTime(250);
      expect(probes).toHaveLength(3);
      expect(breaker.cause).toBe('refused');
    });
  });

  it('closes when a probe is answered in time, and probes no more', async () => {
    breaker.open('no answer');
    jest.advanceTimersByTime(250);
    jest.advanceTimersByTime(60);
    probes[0]?.answer();
    await turn();
    expect(breaker.isOpen).toBe(false);
    expect(told).toEqual(['open: no answer', 'closed after 310']);
    jest.advanceTimersByTime(1000);
    expect(probes).toHaveLength(1);
  });

  it('stays open where a probe is answered too late, and asks again at once', async () => {
    breaker.open('no answer');
    jest.advanceTimersByTime(250);
    jest.advanceTimersByTime(101);
    probes[0]?.answer();
    await turn();
    expect(breaker.isOpen).toBe(true);
    expect(probes).toHaveLength(2);
    probes[1]?.answer();
    await turn();
    expect(breaker.isOpen).toBe(false);
  });

  it('asks at once where something was heard, and not while it is closed', () => {
    breaker.recheck();
    expect(probes).toHaveLength(0);
    breaker.open('no connection');
    breaker.recheck();
    expect(probes).toHaveLength(1);
  });

  it('can open again', async () => {
    breaker.open('first');
    breaker.recheck();
    probes[0]?.answer();
    await turn();
    breaker.open('second');
    expect(told).toEqual(['open: first', 'closed after 0', 'open: second']);
  });

  it('tells nothing and asks nothing once it is stopped, also of what was under way', async () => {
    breaker.open('no answer');
    breaker.recheck();
    breaker.stop();
    probes[0]?.answer();
    await turn();
    expect(told).toEqual(['open: no answer']);
    const idle = new Breaker({ ...options, onOpen: () => told.push('told') });
    idle.stop();
    idle.open('the connection is closed');
    jest.advanceTimersByTime(2500);
    expect([idle.isOpen, told, probes.length]).toEqual([true, ['open: no answer'], 1]);
  });

  it('gives up probes that never end, and sends others', () => {
    breaker.open('no answer');
    jest.advanceTimersByTime(500);
    expect(probes).toHaveLength(2);
    jest.advanceTimersByTime(6000);
    expect(probes.length).toBeGreaterThan(2);
  });
});
