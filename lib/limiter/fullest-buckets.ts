import { RateLimitError } from '../errors/rate-limit.error.js';
import { isReservationKey } from '../stores/reservation-key.js';
import type { Store } from '../stores/store.interface.js';
import { bucketKey, MAX_LENGTH, policyPart } from './bucket-key.js';
import type { Decision } from './decision.js';

/** The most that are kept until they are told. */
const MOST = 1000;
const EVERY_MS = 1000;

/** When a bucket is full again, in milliseconds of `performance.now()`. */
type Pending = Map<string, { readonly policy: string; readonly fullAt: number }>;

/**
 * The buckets that decisions have found half used or more, for a store that cannot list what it holds. They are told with a
 * decision that happens anyway, once a second at most, and nobody waits for it.
 */
export class FullestBuckets {
  private pending: Pending = new Map();
  private toldAt = Number.NEGATIVE_INFINITY;
  private isTelling = false;

  constructor(
    private readonly store: Store,
    /** Whether decisions are to be noted: `off` says that they could be, and are not wanted. */
    private readonly mode: 'listed' | 'noted' | 'off',
  ) {}

  /**
   * The names of the buckets of a policy, as far as they are known.
   * @throws RateLimitError `INVALID_OPTION` where none is
   */
  async of(policy: string): Promise<readonly string[]> {
    if (this.mode === 'off') {
      throw new RateLimitError(
        'INVALID_OPTION',
        'RateLimitAdmin.fullest: fullest is false (boolean) in RateLimitModule.forRoot, so nothing is known of it; write fullest: true',
      );
    }
    await this.tell();
    const names = await this.store.bucketsOf(policyPart(policy));
    // A store that lists all that it keeps has reservations among them.
    return names.filter((name) => !isReservationKey(name));
  }

  note({ policy, key, limit, remaining, resetAfterMs }: Decision): void {
    if (this.mode !== 'noted' || remaining * 2 > limit || key.length > MAX_LENGTH) return;
    const [bucket, now] = [bucketKey(policy, key), performance.now()];
    // Last in line: where there are too many, those go that nobody has asked for the longest.
    this.pending.delete(bucket);
    this.pending.set(bucket, { policy, fullAt: now + resetAfterMs });
    if (this.pending.size > MOST) this.pending.delete(this.pending.keys().next().value as string);
    if (now - this.toldAt < EVERY_MS || this.isTelling) return;
    this.toldAt = now;
    // What is lost here is noted again while it matters.
    this.tell().catch(() => undefined);
  }

  /** Tells the store at once. */
  async tell(): Promise<void> {
    const { pending } = this;
    this.pending = new Map();
    this.isTelling = true;
    try {
      await Promise.all([...byPolicy(pending)].map(([policy, some]) => this.store.remember(policy, some)));
    } finally {
      this.isTelling = false;
    }
  }
}

interface Told {
  readonly bucket: string;
  readonly fullAfterMs: number;
}

function byPolicy(pending: Pending): Map<string, Told[]> {
  const told = new Map<string, Told[]>();
  const now = performance.now();
  for (const [bucket, { policy, fullAt }] of pending) {
    const part = policyPart(policy);
    const some = told.get(part) ?? [];
    told.set(part, some);
    some.push({ bucket, fullAfterMs: Math.max(0, fullAt - now) });
  }
  return told;
}
