// The testing kit on every transport: told nothing it refuses nothing, and told to it refuses in the way of the transport.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { byGlobal, type Decision, TokenBucket } from 'nestjs-floodgate';
import { RateLimitTesting, RateLimitTestingModule } from 'nestjs-floodgate/testing';
import { type RedisServer, startRedis } from '../support/redis/server.js';
import { apollo, mercurius } from '../support/transports/graphql.js';
import { express, fastify } from '../support/transports/http.js';
import { redis, tcp } from '../support/transports/microservices.js';
import { socketIo, ws } from '../support/transports/sockets.js';
import { bootTransport, closeTransports, type Reply } from '../support/transports/transport.js';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(async () => {
  await server.untilLeft();
  await server.stop();
});
afterEach(closeTransports);

const REFUSAL: Decision = {
  allowed: false,
  policy: 'one',
  key: 'all',
  limit: 1,
  remaining: 0,
  retryAfterMs: 1000,
  resetAfterMs: 1000,
  delayMs: 0,
  source: 'memory',
};

const adapters = [express, fastify, apollo, mercurius, socketIo, ws, tcp, redis(() => server.port)];

describe.each(adapters.map((adapter) => [adapter.name, adapter] as const))('%s', (_, adapter) => {
  const isAdmitted = ({ answer, error }: Reply) => [answer !== undefined, error === undefined];
  const YES = [true, true];

  it('refuses nothing, then what it is told to, then by the clock', async () => {
    const limit = TokenBucket({ name: 'one', capacity: 1, rate: 1, key: byGlobal() });
    const { app, connect } = await bootTransport(adapter, { first: [limit] }, {}, undefined, (builder) => {
      RateLimitTestingModule.override(builder);
    });
    const testing = app.get(RateLimitTesting);
    const client = await connect();
    const call = () => client.call('first');

    for (let i = 0; i < 10; i++) expect(isAdmitted(await call())).toEqual(YES);
    testing.refuseNext('one');
    expect((await call()).error).toMatchObject(adapter.refusal(REFUSAL) as object);
    testing.enforce();
    expect([isAdmitted(await call()), isAdmitted(await call())]).toEqual([YES, [false, false]]);
    testing.clock.advance(1000);
    expect(isAdmitted(await call())).toEqual(YES);
  });
});
