// Buckets as they lie in Redis, read without the library: docs/redis.md says what a record is.
import { ask, command } from '../support/redis/raw.js';
import { allPolicies, type LoadPolicy } from './policies.js';

export interface Bucket {
  readonly policy: LoadPolicy;
  readonly key: string;
}

export interface Level {
  readonly policy: string;
  readonly key: string;
  /** What is missing, in thousand-millionths of a token, rounded to the nearest. */
  readonly nanoTokens: bigint;
}

export const bucketsOf = (keys: readonly string[], of = allPolicies): Bucket[] =>
  of.flatMap((policy) => keys.map((key) => ({ policy, key })));

const nameOf = (prefix: string, { policy, key }: Bucket): string => `${prefix}:${policy.name}:{${key}}`;

/** At one moment of the server's clock, or of one that is given. */
export async function readLevels(
  port: number,
  prefix: string,
  buckets: readonly Bucket[],
  at?: bigint,
): Promise<{ levels: Level[]; at: bigint }> {
  const reads = buckets.map((bucket) => ['GET', nameOf(prefix, bucket)]);
  // READONLY lets a replica of a cluster answer; elsewhere it is an error that says nothing.
  const [, time, ...records] = await ask(port, [['READONLY'], ['TIME'], ...reads]);
  const [seconds, micros] = String(time).split('\n');
  const now = at ?? BigInt(seconds!) * 1_000_000n + BigInt(micros!);
  const levels = buckets.map(({ policy, key }, i) => {
    if (records[i] instanceof Error) throw records[i];
    return { policy: policy.name, key, nanoTokens: nanoTokensIn(records[i] as string, now) };
  });
  return { levels, at: now };
}

/** How many leases buckets have. */
export async function countLeases(port: number, prefix: string, buckets: readonly Bucket[]): Promise<number> {
  const records = await ask(
    port,
    buckets.map((bucket) => ['GET', nameOf(prefix, bucket)]),
  );
  return records.reduce((sum: number, record) => sum + heldIn(String(record)).length, 0);
}

/** What is held of it is missing too: it joins the level when it expires, and drains from then on. */
function nanoTokensIn(record: string, now: bigint): bigint {
  if (record === '') return 0n;
  const [level, at, ticksPerMicro, ticksPerToken] = record.split(' ').slice(0, 4).map(BigInt) as Four;
  let [left, time] = [level, at];
  const drainUntil = (end: bigint) => {
    if (end <= time) return;
    left = larger(0n, left - ticksPerMicro * (end - time));
    time = end;
  };
  for (const { tokens, expires } of heldIn(record)) {
    drainUntil(expires < now ? expires : now);
    left += tokens * ticksPerToken;
  }
  drainUntil(now);
  return (left * 1_000_000_000n + ticksPerToken / 2n) / ticksPerToken;
}

type Four = [bigint, bigint, bigint, bigint];

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** What processes have taken ahead, in the order in which that expires. */
function heldIn(record: string): { tokens: bigint; expires: bigint }[] {
  const [, holds] = / h(.+)$/.exec(record) ?? [];
  return (holds?.split(',') ?? []).map((hold) => {
    const [, tokens, , expires] = hold.split(' ');
    return { tokens: BigInt(tokens!), expires: BigInt(expires!) };
  });
}

/** The slot of a cluster that a key lies in. */
export const slotOf = async (port: number, key: string): Promise<number> =>
  Number(await command(port, 'CLUSTER', 'KEYSLOT', `{${key}}`));
