// What no limiter on Redis can be below, as long as it sends a command for each decision.
import { keysInCircle } from '../lib/keys.mjs';
import { adminOf, clientFor } from '../lib/servers.mjs';

/** What the measurement itself costs: a call that is answered at once, without a server. */
export async function nothing(setup) {
  return { call: async () => undefined, servers: adminOf(setup) };
}

export async function ping(setup) {
  const client = await clientFor(setup);
  return { call: () => client.ping(), expected: (reply) => reply === 'PONG', servers: adminOf(setup) };
}

export async function incr(setup) {
  const client = await clientFor(setup);
  const key = keysInCircle(setup.keys);
  const call = (index) => client.incr(key(index));
  return { call, expected: (count) => count > 0, servers: adminOf(setup) };
}

/** A script that does nothing, with a key. */
export async function emptyScript(setup) {
  const client = await clientFor(setup);
  client.defineCommand('benchEmpty', { numberOfKeys: 1, lua: 'return 1' });
  const key = keysInCircle(setup.keys);
  return {
    call: (index) => client.benchEmpty(key(index)),
    expected: (reply) => reply === 1,
    servers: adminOf(setup),
  };
}
