import { asError } from '../../common/as-error.js';

/**
 * The part of an ioredis client (`Redis` or `Cluster`, version 5 or 6) that is used. Structural, because the classes of
 * the two versions are not assignable to each other.
 */
export interface RedisClient {
  readonly isCluster?: boolean;
  /** Of a Cluster: who serves each slot, the master first. */
  readonly slots?: readonly (readonly string[] | undefined)[];
  /** Of a Cluster: the connections to its servers. */
  nodes?(role: 'all'): readonly Connection[];
  readonly options?: {
    readonly keyPrefix?: string | undefined;
    readonly enableAutoPipelining?: boolean | undefined;
  };
  defineCommand(name: string, definition: { numberOfKeys?: number; lua: string; readOnly?: boolean }): void;
  get(key: string): Promise<string | null>;
  hgetall(key: string): Promise<Record<string, string>>;
}

/** The connection of a Cluster to one of its servers. */
export interface Connection {
  readonly status: string;
  readonly options: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly keyPrefix?: string | undefined;
  };
  /** What it writes to; none while there is no connection. */
  readonly stream?: { cork(): void; uncork(): void } | null;
  evalsha(hash: string, keys: number, ...keysAndArgs: string[]): Promise<unknown>;
  eval(lua: string, keys: number, ...keysAndArgs: string[]): Promise<unknown>;
}

type Command = (...args: (string | number)[]) => Promise<unknown>;

export interface Script {
  readonly name: string;
  readonly lua: string;
}

/** A call of a script as the server is sent it. */
export interface SentCall {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** More keys in one call are rare on a Cluster. */
export const MOST_KEYS = 32;

/**
 * Makes scripts known to the client before the first call: with auto-pipelining, ioredis collects the calls of one turn of
 * the event loop in an object that has the commands that were known when the turn began, and fails for others.
 */
export function prepareScripts(client: RedisClient, scripts: readonly Script[], mostKeys = MOST_KEYS): void {
  for (const script of scripts) {
    for (let keys = 1; keys <= (client.isCluster ? mostKeys : 1); keys++) define(client, script, keys);
  }
}

/** How often a script that the server does not know is sent. */
const ATTEMPTS = 5;

/**
 * Runs a script by its hash; ioredis sends the text where the server does not know it. The command's name carries the
 * hash of the text, so that two versions share a client. ioredis sends the text once, which is not enough where scripts are flushed
 * while calls are under way: the text may have arrived before that, and its hash after it. What the server did not know
 * it has not run, so it is sent again.
 */
export function runScript(client: RedisClient, call: SentCall, attempt = 1): Promise<unknown> {
  const waiting = held.get(client);
  if (waiting !== undefined) return runLater(waiting, client, call);
  const name = nameOf(client, call);
  if (!(name in client)) return defineAndRun(client, call);
  // No async function: this is what every call of a decision goes through.
  return commandOf(client, name)
    .apply(client, argsOf(client, call))
    .catch((error: unknown) => {
      if (attempt === ATTEMPTS || !isUnknownScript(error)) throw error;
      return runScript(client, call, attempt + 1);
    });
}

type Held = (() => void)[];

/** By client: a call whose command was defined just now, and those that came after it, so that none is overtaken. */
const held = new WeakMap<RedisClient, Held>();

async function defineAndRun(client: RedisClient, call: SentCall): Promise<unknown> {
  define(client, call.script, call.keys.length);
  const name = nameOf(client, call);
  // A client that takes no command would be asked to define it for ever.
  if (!(name in client)) throw new TypeError(`the Redis client has not defined ${name}`);
  if (!client.options?.enableAutoPipelining) return runScript(client, call);
  return runBehindPipeline(client, call);
}

/**
 * What auto-pipelining has gathered by now lacks the new command: added to it, it would fail, and every other call of it would be
 * given the reply of the next. It may leave only after the one before it. So something is read with it: when that is answered, it has left.
 */
function runBehindPipeline(client: RedisClient, call: SentCall): Promise<unknown> {
  const waiting: Held = [];
  const release = () => {
    held.delete(client);
    for (const run of waiting) run();
  };
  client.get(call.keys[0] as string).then(release, release);
  held.set(client, waiting);
  return runLater(waiting, client, call);
}

function runLater(waiting: Held, client: RedisClient, call: SentCall): Promise<unknown> {
  return new Promise((resolve) => waiting.push(() => resolve(runScript(client, call))));
}

/** What an action sends leaves in one write to each server of a Cluster, as far as it is sent at once. */
export function inOneWrite<T>(client: RedisClient, act: () => T): T {
  const streams = (client.nodes?.('all') ?? []).flatMap(({ stream }) => stream ?? []);
  for (const stream of streams) stream.cork();
  try {
    return act();
  } finally {
    for (const stream of streams) stream.uncork();
  }
}

/** Whether a call has certainly done nothing, or may be sent again though it perhaps has: as the client of a Cluster does. */
export function maySendAgain(error: unknown): boolean {
  const { name, message } = asError(error);
  return name === 'ReplyError' || message === 'Connection is closed.';
}

const isUnknownScript = (error: unknown): boolean => asError(error).message.includes('NOSCRIPT');

function define(client: RedisClient, script: Script, keys: number): void {
  const name = nameOf(client, { script, keys: { length: keys } });
  if (name in client) return;
  client.defineCommand(name, { lua: script.lua, ...(client.isCluster ? { numberOfKeys: keys } : {}) });
}

const commandOf = (of: object, name: string): Command => (of as Record<string, Command>)[name] as Command;

/** On a Cluster only a command that is defined with the number of its keys is routed rightly under auto-pipelining. */
function nameOf({ isCluster }: RedisClient, { script, keys }: Counted): string {
  return isCluster ? `${script.name}:${keys.length}` : script.name;
}

type Counted = Pick<SentCall, 'script'> & { readonly keys: { readonly length: number } };

const argsOf = ({ isCluster }: RedisClient, { keys, args }: SentCall): (string | number)[] =>
  isCluster ? [...keys, ...args] : [keys.length, ...keys, ...args];
