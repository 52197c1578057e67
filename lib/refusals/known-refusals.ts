import type { Take } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import { MAX_TICKS } from '../algorithms/ticks.js';
import { BucketsByPolicy, partsOf } from '../stores/buckets-by-policy.js';
import type { PlainTake, Transaction, TransactionReply } from '../stores/store.interface.js';
import { KnownBucket, type Told } from './known-bucket.js';

export interface KnownRefusalsOptions {
  /** How long a refusal is believed, in milliseconds. */
  readonly maxAgeMs: number;
  /** The most buckets that are kept; the one that was learned first goes. */
  readonly maxKeys: number;
}

/** What has outlived its time and is dropped whenever something is learned: more than comes, so nothing piles up. */
const SWEPT = 2;

/** The buckets that have refused lately, as they were found. */
export class KnownRefusals {
  /** In the order in which they were learned, which is that in which they end. */
  private readonly buckets = new Map<string, KnownBucket>();
  private readonly byPolicy = new BucketsByPolicy<KnownBucket>();

  constructor(private readonly options: KnownRefusalsOptions) {}

  get size(): number {
    return this.buckets.size;
  }

  /** What the store has said of a transaction that was sent at a time of `performance.now()`. */
  learn(transaction: Transaction, reply: TransactionReply, sent: number): void {
    // Nearly always there is nothing to forget.
    if (reply.admitted && this.buckets.size === 0) return;
    // What this process has decided by itself is no word of the store's.
    if (reply.instead !== undefined) return;
    // Who was admitted knows better.
    if (reply.admitted) this.forgetAll(transaction.takes);
    else if (transaction.pick === undefined) this.note(transaction.takes, reply, sent);
  }

  /** The refusal of a transaction that the store would refuse as well; undefined where that has to be asked. */
  refusalOf({ takes, pick, peek }: Transaction, at: number): TransactionReply | undefined {
    // Who only looks wants to know how it is, and of what is picked from, one bucket that refuses says little.
    if (pick !== undefined || peek) return undefined;
    const known: KnownBucket[] = [];
    let isRefused = false;
    for (const take of takes) {
      const bucket = believed(this.buckets.get(take.key), take, at);
      // A reply says how each take has found its bucket, and a lease that is returned is for the store.
      if (bucket === undefined || take.returns !== undefined) return undefined;
      isRefused ||= bucket.refuses(take, at);
      known.push(bucket);
    }
    return isRefused ? refusal(known, at) : undefined;
  }

  /** What is known, and still believed, of a bucket of this limit. */
  find(take: PlainTake, key: string, at: number): KnownBucket | undefined {
    return believed(this.byPolicy.get(take.policy, key), take, at);
  }

  forget(key: string): void {
    if (this.buckets.delete(key)) this.byPolicy.delete(...partsOf(key));
  }

  clear(): void {
    this.buckets.clear();
    this.byPolicy.clear();
  }

  private note(
    takes: readonly Take[],
    { found, source, now, decidedAt }: TransactionReply,
    sent: number,
  ): void {
    const told: Told = { source, now, decidedAt, sent };
    const until = sent + this.options.maxAgeMs;
    for (const [i, take] of takes.entries()) this.keep(take, found[i] as Found, told, until);
    this.sweep(sent);
  }

  private keep({ key, scale }: Take, found: Found, told: Told, until: number): void {
    this.forget(key);
    // A level that falls by whole tokens, or faster, was written by another rate, one beyond 2^53 is no number to count with, and
    // what is held may come back at any time.
    if (found.stepped || found.faster || found.level > MAX_TICKS || found.leased !== undefined) return;
    const bucket = new KnownBucket(scale, found, told, until);
    this.buckets.set(key, bucket);
    this.byPolicy.set(...partsOf(key), bucket);
    if (this.buckets.size > this.options.maxKeys) this.forget(this.buckets.keys().next().value as string);
  }

  private sweep(at: number): void {
    let left = SWEPT;
    for (const [key, { until }] of this.buckets) {
      if (left-- === 0 || until > at) return;
      this.forget(key);
    }
  }

  private forgetAll(takes: readonly Take[]): void {
    for (const { key } of takes) this.forget(key);
  }
}

function believed(
  bucket: KnownBucket | undefined,
  take: Pick<Take, 'scale'>,
  at: number,
): KnownBucket | undefined {
  return bucket === undefined || bucket.until <= at || !bucket.isOf(take) ? undefined : bucket;
}

function refusal(buckets: readonly KnownBucket[], at: number): TransactionReply {
  const [first] = buckets as [KnownBucket];
  return {
    admitted: false,
    source: first.told.source,
    now: first.timeAt(at),
    decidedAt: at,
    found: buckets.map((bucket) => bucket.at(at)),
    charged: [],
    marks: [],
    changes: [],
  };
}
