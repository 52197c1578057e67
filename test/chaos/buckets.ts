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

function nanoTokensIn(record: string, now: bigint): bigint {
  if (record === '') return 0n;
  const [level, at, ticksPerMicro, ticksPerToken] = record.split(' ').slice(0, 4).map(BigInt);
  const elapsed = now > at! ? now - at! : 0n;
  const left = level! - ticksPerMicro! * elapsed;
  return left > 0n ? (left * 1_000_000_000n + ticksPerToken! / 2n) / ticksPerToken! : 0n;
}

/** The slot of a cluster that a key lies in. */
export const slotOf = async (port: number, key: string): Promise<number> =>
  Number(await command(port, 'CLUSTER', 'KEYSLOT', `{${key}}`));
