import slotOf from 'cluster-key-slot';
import { BucketsByPolicy } from '../buckets-by-policy.js';
import { Partitions } from './partitions.js';
import type { RedisClient } from './redis-client.js';

export interface NameOptions {
  /** What every key begins with. */
  readonly prefix: string;
  /** Into how many slots of a Cluster the buckets are put; without it, those of each key have one of their own. */
  readonly partitions?: number | undefined;
}

/** As many as are asked for again soon. */
const MOST_SLOTS = 2000;

const NO_SERVERS: readonly string[] = [];

/** What keys are called on the server, and on a Cluster who has them. */
export class RedisNames {
  private readonly partitions: Partitions | undefined;
  /** Of each call a slot is asked for several times, and takes longer to work out than to remember. */
  private readonly slots = new Map<string, number>();
  /** The same of buckets, which are asked for without their names. */
  private readonly bucketSlots = new BucketsByPolicy<number>();
  private bucketCount = 0;
  /** By the list that the client has of them: it is made anew whenever they change. */
  private readonly lines = new WeakMap<readonly string[], string>();

  constructor(
    private readonly client: RedisClient,
    private readonly options: NameOptions,
  ) {
    const { partitions } = options;
    if (partitions !== undefined) this.partitions = new Partitions(partitions);
  }

  /** What a key is called on the server. */
  of(key: string): string {
    const { prefix } = this.options;
    // Limits and lists are kept by policy: they are no buckets, and few.
    if (this.partitions === undefined || !key.includes(':{')) return `${prefix}:${key}`;
    return `${prefix}:${this.partitions.tagOf(key)}:${key}`;
  }

  /** Keys of one slot of a Cluster can be in one call. */
  slotOf(key: string): number {
    const known = this.slots.get(key);
    if (known !== undefined) return known;
    const slot = slotOf(this.fullName(key));
    if (this.slots.size === MOST_SLOTS) this.slots.clear();
    this.slots.set(key, slot);
    return slot;
  }

  /** The same for the bucket `policy:{key}`. */
  slotOfBucket(policy: string, key: string): number {
    const known = this.bucketSlots.get(policy, key);
    if (known !== undefined) return known;
    const slot = slotOf(this.fullName(`${policy}:{${key}}`));
    if (this.bucketCount++ === MOST_SLOTS) {
      this.bucketSlots.clear();
      this.bucketCount = 1;
    }
    this.bucketSlots.set(policy, key, slot);
    return slot;
  }

  /** Keys of slots of one line can be called for together: the servers that have the slot, as one text. */
  lineOf(slot: number): string {
    const servers = this.client.slots?.[slot] ?? NO_SERVERS;
    let line = this.lines.get(servers);
    if (line === undefined) {
      line = servers.join();
      this.lines.set(servers, line);
    }
    return line;
  }

  /** What the server calls a name of no bucket, in the slot of a tag. */
  ofProbe(tag: string): string {
    return this.withClientPrefix(`${this.options.prefix}:probe:${tag}:probe`);
  }

  /** A name of no bucket (theirs end with the brace), in the slot of a key. */
  keyBeside(key: string): string {
    const tag = key.slice(key.indexOf('{'), key.indexOf('}') + 1);
    return tag === '' ? `{${this.fullName(key)}}:probe` : `probe:${tag}:probe`;
  }

  /** Of a Cluster: the master that serves a key, as far as that is known; else ''. */
  nodeOf(key: string): string {
    const { isCluster, slots } = this.client;
    return (isCluster && slots?.[this.slotOf(key)]?.[0]) || '';
  }

  /** With what the client itself puts before it. */
  fullName(key: string): string {
    return this.withClientPrefix(this.of(key));
  }

  /** The same of what is called by `of` already. */
  withClientPrefix(name: string): string {
    return `${this.client.options?.keyPrefix ?? ''}${name}`;
  }
}
