// What a server that answers may answer instead of a decision. Each begins on a running server, and ends by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, command } from './raw.js';
import { type RedisServer } from './server.js';

/** Ends a condition. */
export type End = () => Promise<unknown>;

/** What it says is told by the server, or by the client that cannot get through to it. */
export interface Condition {
  readonly says: RegExp;
  /** Where that is not what an application finds first. */
  readonly opensWith?: RegExp;
  begin(server: RedisServer): Promise<End>;
}

const SECRET = 'since-today';

const settings = async ({ port }: RedisServer, values: Record<string, string>): Promise<void> => {
  await command(port, 'CONFIG', 'SET', ...Object.entries(values).flat());
};

/** The server takes no write for want of memory. */
const full: Condition = {
  says: /^OOM /,
  async begin(server) {
    await settings(server, { maxmemory: '1', 'maxmemory-policy': 'noeviction' });
    return () => settings(server, { maxmemory: '0' });
  },
};

/** The master became a replica, and the client still talks to it. */
const demoted: Condition = {
  says: /READONLY /,
  async begin({ port }) {
    await command(port, 'REPLICAOF', '127.0.0.1', '1');
    return () => command(port, 'REPLICAOF', 'NO', 'ONE');
  },
};

/** Somebody else's script keeps the server from everything. */
const busy: Condition = {
  says: /^BUSY /,
  async begin(server) {
    await settings(server, { 'lua-time-limit': '1' });
    const endless = ask(server.port, [['EVAL', 'while true do end', '0']], 60_000).catch(() => undefined);
    const isBusy = async () => String((await ask(server.port, [['PING']]))[0]).includes('BUSY');
    while (!(await isBusy()));
    return async () => {
      await command(server.port, 'SCRIPT', 'KILL');
      await endless;
    };
  },
};

/** The user of the client may run nothing any more. */
const forbidden: Condition = {
  says: /^NOPERM /,
  async begin({ port, user }) {
    await command(port, 'ACL', 'SETUSER', user!.name, '-@all');
    return () => command(port, 'ACL', 'SETUSER', user!.name, '+@all');
  },
};

/** The user of the client has another password, and its connections were closed. */
const lockedOut: Condition = {
  says: /WRONGPASS |NOAUTH /,
  // The connections were closed; why there are no new ones, the client finds out later.
  opensWith: /no connection|WRONGPASS |NOAUTH /,
  async begin({ port, user }) {
    await command(port, 'ACL', 'SETUSER', user!.name, 'resetpass', `>${SECRET}`);
    await command(port, 'CLIENT', 'KILL', 'USER', user!.name);
    return () => command(port, 'ACL', 'SETUSER', user!.name, 'resetpass', `>${user!.password}`);
  },
};

/** A slot of the cluster is served by nobody: then none is, by default. */
const uncovered: Condition = {
  says: /CLUSTERDOWN /,
  // The client asks again and again meanwhile.
  opensWith: /no answer within|CLUSTERDOWN /,
  async begin({ port }) {
    await command(port, 'CLUSTER', 'DELSLOTS', '0');
    return () => command(port, 'CLUSTER', 'ADDSLOTS', '0');
  },
};

/** The server has restarted and reads its data for a while. Ends when it has. */
const loading: Condition = {
  says: /LOADING /,
  opensWith: /no connection/,
  async begin(server) {
    const fill = "for i = 1, 2000 do redis.call('SET', 'floodgate:ballast:' .. i, string.rep('x', 100)) end";
    await command(server.port, 'EVAL', fill, '0');
    await command(server.port, 'SAVE');
    await server.kill();
    // A pause for each key, and a look at the connections after every few.
    const slow = ['--key-load-delay', '500', '--loading-process-events-interval-bytes', '1024'];
    const started = server.start(slow);
    const isLoading = async () => String((await ask(server.port, [['PING']]))[0]).includes('LOADING');
    while (!(await isLoading().catch(() => false))) await sleep(5);
    return () => started;
  },
};

export const conditions = { full, demoted, busy, forbidden, lockedOut, loading, uncovered };
