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
  /** Of a Cluster: see `runTogether`. Too many forms for a structural type. */
  pipeline?(): unknown;
  hgetall(key: string): Promise<Record<string, string>>;
}

type Command = (...args: (string | number)[]) => Promise<unknown>;

/** Commands that are written at once. */
interface Pipeline {
  exec(): Promise<readonly (readonly [error: Error | null, reply?: unknown])[] | null>;
}

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
export async function runScript(client: RedisClient, call: SentCall): Promise<unknown> {
  const name = nameOf(client, call);
  if (!(name in client)) {
    define(client, call.script, call.keys.length);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await commandOf(client, name).call(client, ...argsOf(client, call));
    } catch (error) {
      if (attempt === ATTEMPTS || !isUnknownScript(error)) throw error;
    }
  }
}

/**
 * Runs calls whose keys are all served by one master of a Cluster, with one write: each comes to a reply or to an error. Where
 * ioredis sees several masters it sends nothing, and each call finds its own.
 */
export async function runTogether(client: RedisClient, calls: readonly SentCall[]): Promise<unknown[]> {
  for (const { script, keys } of calls) define(client, script, keys.length);
  const pipeline = (client.pipeline as () => Pipeline).call(client);
  for (const call of calls) {
    commandOf(pipeline, nameOf(client, call)).call(pipeline, ...argsOf(client, call));
  }
  try {
    const results = (await pipeline.exec()) ?? [];
    return results.map(([error, reply]) => error ?? reply);
  } catch (error) {
    if (!asError(error).message.includes('should belong to the same slot')) throw error;
  }
  return Promise.all(calls.map((call) => runScript(client, call).catch(asError)));
}

/** Whether a server has refused to run a call, for the key lives elsewhere, is moving, or the script is not known. */
export const isNotRun = (error: unknown): boolean =>
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|NOSCRIPT)\b/.test(asError(error).message);

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
