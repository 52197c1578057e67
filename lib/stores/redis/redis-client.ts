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
  nodes?(role: 'all'): readonly object[];
  readonly options?: { readonly keyPrefix?: string | undefined };
  defineCommand(name: string, definition: { numberOfKeys?: number; lua: string; readOnly?: boolean }): void;
  hgetall(key: string): Promise<Record<string, string>>;
}

type ScriptCall = (...args: string[]) => Promise<unknown>;

export interface Script {
  readonly name: string;
  readonly lua: string;
}

/** More keys in one call are rare. */
export const MOST_KEYS = 32;

/**
 * Makes scripts known to the client before the first call: with auto-pipelining, ioredis collects the calls of one turn of
 * the event loop in an object that has the commands that were known when the turn began, and fails for others.
 */
export function prepareScripts(client: RedisClient, scripts: readonly Script[], mostKeys = MOST_KEYS): void {
  for (const script of scripts) {
    for (let keys = 1; keys <= mostKeys; keys++) define(client, script, keys);
  }
}

/** How often a script that the server does not know is sent. */
const ATTEMPTS = 5;

/**
 * Runs a script by its hash; ioredis sends the text where the server does not know it. The command's name carries the
 * hash of the text, so that two versions share a client, and the number of keys: only a command defined with it is
 * routed rightly under auto-pipelining and on Cluster. ioredis does so once, which is not enough where scripts are flushed
 * while calls are under way: the text may have arrived before that, and its hash after it. What the server did not know
 * it has not run, so it is sent again.
 */
export async function runScript(
  client: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const name = nameOf(script, keys.length);
  const commands = client as unknown as Record<string, ScriptCall | undefined>;
  if (commands[name] === undefined) {
    define(client, script, keys.length);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const call = commands[name] as ScriptCall;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call.call(client, ...keys, ...args);
    } catch (error) {
      if (attempt === ATTEMPTS || !isUnknownScript(error)) throw error;
    }
  }
}

const isUnknownScript = (error: unknown): boolean => asError(error).message.includes('NOSCRIPT');

function define(client: RedisClient, script: Script, keys: number): void {
  const name = nameOf(script, keys);
  if (name in client) return;
  client.defineCommand(name, { numberOfKeys: keys, lua: script.lua });
}

const nameOf = ({ name }: Script, keys: number): string => `${name}:${keys}`;
