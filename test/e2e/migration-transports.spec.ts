// Where the throttler asks for a guard of your own, the decorators are enough: GraphQL and WebSockets.
import { afterEach, describe, expect, it } from '@jest/globals';
import { byAll, byIp, byRoute, RateLimit, SkipRateLimit, TokenBucket, tokenBucket } from '../../lib/index.js';
import { ManualClock } from '../support/manual-clock.js';
import { apollo, mercurius } from '../support/transports/graphql.js';
import { socketIo, ws } from '../support/transports/sockets.js';
import { bootTransport, closeTransports, type Method, type Places } from '../support/transports/transport.js';

const two = tokenBucket({ name: 'default', capacity: 2, rate: '2/h' });

afterEach(closeTransports);

describe.each([apollo, mercurius, socketIo, ws])('on $name', (adapter) => {
  const boot = async (places: Places) => {
    const rateLimit = { key: byAll(byIp(), byRoute()), policies: [two] };
    const { connect } = await bootTransport(adapter, places, rateLimit, new ManualClock(1));
    const client = await connect();
    return async (method: Method, count: number) => {
      let answered = 0;
      for (let i = 0; i < count; i++) answered += (await client.call(method)).answer ? 1 : 0;
      return answered;
    };
  };

  it('the limit of a class counts each handler by itself', async () => {
    const answered = await boot({ onClass: [RateLimit('default')] });

    expect(await answered('first', 3)).toBe(2);
    expect(await answered('second', 3)).toBe(2);
  });

  it('a handler has a limit of its own, or none', async () => {
    const answered = await boot({
      onClass: [RateLimit('default')],
      first: [SkipRateLimit('default'), TokenBucket({ capacity: 1, rate: '1/h' })],
      second: [SkipRateLimit('default')],
    });

    expect(await answered('first', 3)).toBe(1);
    expect(await answered('second', 3)).toBe(3);
  });
});
