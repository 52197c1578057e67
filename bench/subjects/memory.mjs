// In the memory of one process: ours and the peers, each with a limit that no run reaches. All keys are there before the
// first call that is measured.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import Bottleneck from 'bottleneck';
import { MemoryStore } from 'express-rate-limit';
import { RateLimiter } from 'limiter';
import { RateLimiterMemory } from 'rate-limiter-flexible';
// What the guard and the service call, and no public name: it answers without a promise.
import { Limiter } from '../../dist/esm/limiter/limiter.js';
import { PolicyRegistry } from '../../dist/esm/limiter/policy-registry.js';
import { RateLimiterService, RateLimitModule, tokenBucket } from '../lib/floodgate.mjs';
import { LARGE, manyKeys } from '../lib/keys.mjs';

const HOUR = 3600;

/** `consume` of the service, awaited; and what is under it, at once. A decision is made in full each time. */
export async function ours({ keys, isScattered }) {
  class AppModule {}
  Module({ imports: [RateLimitModule.forRoot({ memory: { maxKeys: 200_000 } })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  const service = app.get(RateLimiterService);
  const limiter = app.get(Limiter);
  const policy = tokenBucket({ name: 'bench', capacity: LARGE, rate: 1 });
  const placed = app.get(PolicyRegistry).find(policy, 'bench');
  const { made, key } = manyKeys(keys, isScattered);
  const decide = (name) => limiter.decide([{ placed, key: name, cost: 1 }]).outcomes[0].decision;
  for (const name of made) decide(name);
  return {
    call: (index) => service.consume(policy, key(index)),
    expected: ({ allowed, source }) => allowed && source === 'memory',
    callNow: (index) => decide(key(index)),
    // Every field is read: what would be worked out later is worked out here.
    expectedNow: (decision) =>
      decision.allowed &&
      decision.source === 'memory' &&
      decision.limit === LARGE &&
      decision.remaining < LARGE &&
      decision.retryAfterMs === 0 &&
      decision.resetAfterMs > 0 &&
      decision.delayMs === 0 &&
      decision.policy === 'bench' &&
      decision.key !== '',
    fill: decide,
  };
}

export async function flexible({ keys, isScattered }) {
  const limiter = new RateLimiterMemory({ points: LARGE, duration: HOUR });
  const { made, key } = manyKeys(keys, isScattered);
  for (const name of made) await limiter.consume(name);
  return {
    call: (index) => limiter.consume(key(index)),
    expected: ({ consumedPoints }) => consumedPoints > 0,
    fill: (name) => limiter.consume(name),
  };
}

/** The store of express-rate-limit: `increment`, which its middleware calls once per request. */
export async function express({ keys, isScattered }) {
  const store = new MemoryStore();
  store.init({ windowMs: HOUR * 1000 });
  const { made, key } = manyKeys(keys, isScattered);
  for (const name of made) await store.increment(name);
  return {
    call: (index) => store.increment(key(index)),
    expected: ({ totalHits }) => totalHits > 0,
    fill: (name) => store.increment(name),
  };
}

/** One limiter for each key, in a Map, which is how it is used for keys. It tells yes or no, and no decision. */
export async function limiterPackage({ keys, isScattered }) {
  const limiters = new Map();
  const take = (name) => {
    let limiter = limiters.get(name);
    if (limiter === undefined) {
      limiter = new RateLimiter({ tokensPerInterval: LARGE, interval: 'hour', fireImmediately: true });
      limiters.set(name, limiter);
    }
    return limiter.tryRemoveTokens(1);
  };
  const { made, key } = manyKeys(keys, isScattered);
  for (const name of made) take(name);
  const callNow = (index) => take(key(index));
  return { callNow, expectedNow: (taken) => taken, call: async (index) => callNow(index), fill: take };
}

/** A job that does nothing, of the group's limiter for a key. It schedules, and refuses nobody unless told to. */
export async function bottleneck({ keys, isScattered }) {
  const group = new Bottleneck.Group({ reservoir: LARGE });
  const { made, key } = manyKeys(keys, isScattered);
  const job = async () => true;
  for (const name of made) await group.key(name).schedule(job);
  return {
    call: (index) => group.key(key(index)).schedule(job),
    expected: (done) => done === true,
    fill: (name) => group.key(name).schedule(job),
  };
}

/** What the loops cost, with their keys. */
export async function nothing({ keys, isScattered }) {
  const { key } = manyKeys(keys, isScattered);
  const expected = (name) => name !== '';
  return { call: async (index) => key(index), expected, callNow: key, expectedNow: expected };
}
