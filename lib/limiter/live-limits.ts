import { Logger } from '@nestjs/common';
import type { Limit } from '../algorithms/limit.js';
import { type Awaitable, chain, isPromise, orElse } from '../common/awaitable.js';
import { isUnavailable } from '../errors/is-unavailable.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import type { Limits } from '../options/limits.js';
import type { Policy } from '../options/policy.js';
import { parseSetLimits } from '../options/set-limits.js';
import type { Store } from '../stores/store.interface.js';
import type { PlacedPolicy } from './placed-policy.js';

/** The limits that count for a policy. */
export interface LimitsInForce extends Limits {
  /** Whether they were set at run time. */
  readonly live: boolean;
}

/** A bucket, and the numbers that it was to be decided by. */
interface Limited {
  readonly placed: PlacedPolicy;
  readonly limit?: Limit | undefined;
}

/** What was set for a policy, as it was written and as the kernel needs it. */
interface SetLimits {
  readonly limits: Limits;
  readonly limit: Limit;
}

/** A question to the store that may be on its way. */
interface Question {
  readonly askedAt: number;
  readonly done: Awaitable<void>;
}

/**
 * Limits of named policies that are changed at run time, for all who share the store. What it says is kept for
 * `refreshMs`, and asked again by the first decision after that: no decision is made by older ones, and nothing is asked
 * where nothing is decided.
 */
export class LiveLimits {
  private texts: ReadonlyMap<string, string> = new Map();
  /** What the texts say; undefined: nothing that counts. */
  private readonly known = new Map<string, { readonly text: string; readonly set: SetLimits | undefined }>();
  /** When the texts were asked for, or the attempt has failed, in milliseconds. */
  private knownAt = Number.NEGATIVE_INFINITY;
  private question: Question | undefined;
  /** Counts what was changed from here: an answer to an earlier question may not have it. */
  private changes = 0;
  private isFailing = false;

  constructor(
    private readonly store: Pick<Store, 'readLimits' | 'writeLimits' | 'deleteLimits'>,
    /** Infinity where nobody but this process writes them. */
    private readonly refreshMs = 1000,
    private readonly now = () => performance.now(),
  ) {}

  /** Buckets with the limits that count now. At once, unless the store has to be asked and is not in this process. */
  apply<T extends Limited>(buckets: readonly T[]): Awaitable<readonly T[]> {
    if (!buckets.some(({ placed }) => isSettable(placed.policy))) return buckets;
    const refreshed = this.refresh();
    if (isPromise(refreshed)) return refreshed.then(() => this.applyAll(buckets));
    return this.applyAll(buckets);
  }

  /** The same for one bucket. */
  applyTo<T extends Limited>(bucket: T): Awaitable<T> {
    if (!isSettable(bucket.placed.policy)) return bucket;
    const refreshed = this.refresh();
    if (isPromise(refreshed)) return refreshed.then(() => this.applyOne(bucket));
    return this.applyOne(bucket);
  }

  /** @throws RateLimitError `LIMITS_NOT_FIXED`, or what is wrong with the limits: nothing is written then */
  async set({ policy }: PlacedPolicy, limits: Limits, place: string): Promise<void> {
    const name = settableName(policy, place);
    parseSetLimits(policy, limits, place);
    const { capacity, rate } = limits;
    await this.change(() => this.store.writeLimits(name, JSON.stringify({ capacity, rate })));
  }

  /** Whether any were set. @throws RateLimitError `LIMITS_NOT_FIXED` */
  async clear({ policy }: PlacedPolicy, place: string): Promise<boolean> {
    const name = settableName(policy, place);
    return this.change(() => this.store.deleteLimits(name));
  }

  /** @throws RateLimitError `LIMITS_NOT_FIXED` */
  async of({ policy }: PlacedPolicy, place: string): Promise<LimitsInForce> {
    settableName(policy, place);
    await this.refresh();
    const set = this.setFor(policy);
    const { capacity, rate } = set?.limits ?? (policy as Limits);
    return { capacity, rate, live: set !== undefined };
  }

  /** The same list, where nothing else counts than what was to. */
  private applyAll<T extends Limited>(buckets: readonly T[]): readonly T[] {
    let current: T[] | undefined;
    for (let i = 0; i < buckets.length; i++) {
      const bucket = buckets[i] as T;
      const known = this.applyOne(bucket);
      if (known === bucket) continue;
      current ??= [...buckets];
      current[i] = known;
    }
    return current ?? buckets;
  }

  private applyOne<T extends Limited>(bucket: T): T {
    const { policy } = bucket.placed;
    if (!isSettable(policy)) return bucket;
    const limit = this.setFor(policy)?.limit ?? policy.limit;
    return limit === (bucket.limit ?? policy.limit) ? bucket : { ...bucket, limit };
  }

  private setFor(policy: Policy): SetLimits | undefined {
    if (this.texts.size === 0) return undefined;
    const name = policy.name as string;
    const text = this.texts.get(name);
    if (text === undefined) return undefined;
    const known = this.known.get(name);
    if (known?.text === text) return known.set;
    const set = readText(policy, text);
    this.known.set(name, { text, set });
    return set;
  }

  private refresh(): Awaitable<void> {
    const isKnown = this.knownAt !== Number.NEGATIVE_INFINITY;
    // Without a look at the clock: nobody else writes them.
    if (isKnown && this.refreshMs === Number.POSITIVE_INFINITY) return;
    const oldest = this.now() - this.refreshMs;
    if (isKnown && this.knownAt >= oldest) return;
    if (this.question !== undefined && this.question.askedAt >= oldest) return this.question.done;
    const askedAt = this.now();
    const done = this.ask(askedAt, this.changes);
    this.question = { askedAt, done };
    return done;
  }

  private ask(askedAt: number, changes: number): Awaitable<void> {
    return orElse(
      () => chain(this.store.readLimits(), (texts) => this.learn(texts, askedAt, changes)),
      (error) => this.fail(error, askedAt, changes),
    );
  }

  private learn(texts: ReadonlyMap<string, string>, askedAt: number, changes: number): void {
    if (this.isFailing) logger.log('limits that were set at run time can be read again');
    this.isFailing = false;
    // Answers may come in another order than they were asked for.
    if (askedAt < this.knownAt) return;
    // Those who wait for it decide by it, but what was changed from here since may be missing: the next asks again.
    this.texts = texts;
    if (changes === this.changes) this.knownAt = askedAt;
  }

  private fail(error: unknown, askedAt: number, changes: number): void {
    // What is known is newer, or the next asks again at once.
    if (askedAt < this.knownAt || changes !== this.changes) return;
    this.knownAt = this.now();
    // That the store cannot be asked is told once, and not by everybody who asks.
    if (this.isFailing || isUnavailable(error)) return;
    this.isFailing = true;
    logger.error(
      `limits that were set at run time cannot be read, so those that are known stay in force: ${messageOf(error)}`,
    );
  }

  private async change<T>(make: () => Awaitable<T>): Promise<T> {
    try {
      return await make();
    } finally {
      // Where it failed it may have been done all the same.
      this.changes++;
      this.knownAt = Number.NEGATIVE_INFINITY;
      this.question = undefined;
    }
  }
}

const logger = new Logger('RateLimiterService');

/** Named, so that all mean the same, and the same for every request. */
const isSettable = ({ name, limit }: Policy): boolean => name !== undefined && limit !== undefined;

function settableName({ name, limits }: Policy, place: string): string {
  if (limits === undefined) return name as string;
  throw new RateLimitError(
    'LIMITS_NOT_FIXED',
    `${place}: the limits of '${name}' are answered by ${limits.name || 'a function'} for each request; change what that answers`,
  );
}

/** Undefined where another hand, or another version of the application, has written what does not count here. */
function readText(policy: Policy, text: string): SetLimits | undefined {
  try {
    const limits = JSON.parse(text) as Limits;
    return { limits, limit: parseSetLimits(policy, limits, 'it') };
  } catch (error) {
    logger.error(
      `what is set at run time for '${policy.name}' cannot be used: ${JSON.stringify(text)}; the limits that it declares count: ${messageOf(error)}`,
    );
    return undefined;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
