// A process of its own: an application with pools of credentials on Redis, one after another. Says `ready`; then it does
// what it is told, as `{ id, call, args }`, and answers each with `{ id, value }` or `{ id, failure }`, until it is told to
// `close`. `calls` counts what it has asked the store to decide.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const { lib, url } = JSON.parse(process.argv[2]);
const { CredentialPool, RateLimitModule, RateLimiterService, tokenBucket } = await import(`${lib}/index.js`);
const { ownWait } = await import(`${lib}/algorithms/kernel.js`);

class AppModule {}
Module({ imports: [RateLimitModule.forRoot({ storeTimeoutMs: 10_000, redis: url })] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const limiter = app.get(RateLimiterService);
let pool;

// What was taken, by the server's time: when it starts there, in microseconds.
const store = app.get(Symbol.for('nestjs-floodgate.store'));
const decide = store.decide.bind(store);
let calls = 0;
let takes = [];
store.decide = async (transactions) => {
  calls++;
  const replies = await decide(transactions);
  for (const [i, { admitted, charged, found, now }] of replies.entries()) {
    const { takes: asked, peek } = transactions[i];
    if (!admitted || peek) continue;
    for (const place of charged) {
      const take = asked[place];
      takes.push({ bucket: take.key, start: now + Number(ownWait(take, found[place])) });
    }
  }
  return replies;
};

let ending = new AbortController();
const idOf = ({ id }) => id;
const failureOf = (error) => error.code ?? error.decision ?? error.name ?? String(error);
const waits = new Map();

const commands = {
  /** A pool that is asked from here on. */
  open: async ({ credentials, ...options }) => {
    pool = new CredentialPool(limiter, {
      ...options,
      credentials: credentials.map(({ id, limit }) => ({ id, value: id, policy: tokenBucket(limit) })),
    });
    ending = new AbortController();
    waits.clear();
    await pool.status();
    [calls, takes] = [0, []];
  },
  consume: async () => {
    const before = calls;
    const { credential, retryAfterMs } = await pool.consume();
    return { id: credential?.id, retryAfterMs, calls: calls - before };
  },
  quarantine: (id, options) => pool.quarantine(id, options),
  restore: (id) => pool.restore(id),
  status: () => pool.status(),
  /** Begins to wait; answers as soon as there is a place. */
  wait: async (wait) => {
    const [before, began] = [calls, performance.now()];
    const waiting = pool.acquire({ maxWaitMs: 60_000, signal: ending.signal }).then(
      (credential) => ({ id: idOf(credential), ms: performance.now() - began }),
      (error) => ({ failure: failureOf(error) }),
    );
    waits.set(wait, waiting);
    while (calls === before) await new Promise((resolve) => setImmediate(resolve));
    await pool.status();
  },
  waited: (wait) => waits.get(wait),
  /** So many callers that take one credential after another, waiting for it where they have to. */
  load: async (callers) => {
    const loop = async () => {
      while (!ending.signal.aborted) {
        await pool.acquire({ maxWaitMs: 600_000, signal: ending.signal }).catch(() => undefined);
      }
    };
    waits.set('load', Promise.all(Array.from({ length: callers }, loop)));
  },
  /** What was taken since it was asked last. */
  takes: () => {
    const taken = takes;
    takes = [];
    return taken;
  },
  /** Ends whatever waits. */
  end: async () => {
    ending.abort();
    await Promise.all(waits.values());
  },
  close: () => app.close(),
};

process.on('message', async ({ id, call, args }) => {
  const answer = Promise.resolve(args).then((known) => commands[call](...known));
  const reply = answer.then(
    (value) => ({ id, value }),
    (error) => ({ id, failure: String(error) }),
  );
  process.send(await reply);
  if (call === 'close') process.disconnect();
});
process.send('ready');
