/**
 * The part of an ioredis client (`Redis` or `Cluster`, version 5 or 6) that is used. Structural, because the classes of
 * the two versions are not assignable to each other.
 */
export interface RedisClient {
  readonly isCluster?: boolean;
  defineCommand(name: string, definition: { numberOfKeys?: number; lua: string; readOnly?: boolean }): void;
  del(key: string): Promise<number>;
}

type ScriptCall = (...args: string[]) => Promise<unknown>;

export interface Script {
  readonly name: string;
  readonly lua: string;
}

/**
 * Runs a script by its hash; ioredis sends the text where the server does not know it. The command's name carries the
 * hash of the text, so that two versions share a client, and the number of keys: only a command defined with it is
 * routed rightly under auto-pipelining and on Cluster.
 */
export async function runScript(
  client: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const name = `${script.name}:${keys.length}`;
  const commands = client as unknown as Record<string, ScriptCall | undefined>;
  if (commands[name] === undefined)
    client.defineCommand(name, { numberOfKeys: keys.length, lua: script.lua });
  return (commands[name] as ScriptCall).call(client, ...keys, ...args);
}
