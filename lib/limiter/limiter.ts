import { algorithms } from '../algorithms/index.js';
import { fits, ownWait, stepTime, type Terms } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import { readLevel } from '../algorithms/reading.js';
import { FOREVER } from '../algorithms/record.js';
import { type Awaitable, chain, isPromise } from '../common/awaitable.js';
import type {
  Deadline,
  Inspection,
  Store,
  StoreMoment,
  TransactionReply,
} from '../stores/store.interface.js';
import { bucketKey } from './bucket-key.js';
import { type BucketState, stateOf } from './bucket-state.js';
import { type Bucket, type Charge, limitOf } from './charge.js';
import type { Decision } from './decision.js';
import { type Entry, mergeSameBucket, transactionOf } from './entries.js';
import type { FullestBuckets } from './fullest-buckets.js';
import { type Judgement, judge, type Outcome, outcomeOf, together } from './judgement.js';
import { type LimiterReport, reportOf } from './limiter-report.js';
import { LiveLimits } from './live-limits.js';
import type { Settlement } from './reservation.js';
import { ShadowCounts } from './shadow-counts.js';
import { isShadow, partsOf, unshadowed } from './shadow-parts.js';
import { Blocks } from './waiting/blocks.js';

/** Turns charges into one transaction of the store, and its reply into decisions. */
export class Limiter {
  private calls = 0;

  constructor(
    private readonly store: Store,
    private readonly blocks = new Blocks(),
    readonly shadows = new ShadowCounts(),
    readonly live = new LiveLimits(store),
    private readonly fullest?: FullestBuckets,
    /** Told of every decision. */
    private readonly publish: (decision: Decision) => void = () => undefined,
    /** What stands before the store where decisions are made. */
    private readonly decider: Pick<Store, 'decide'> = store,
    /** How long a decision may take, in milliseconds; undefined: as long as the store does. */
    private readonly timeoutMs?: number,
  ) {}

  /**
   * Decides charges together. Beside them, in the same call of the store, each bucket in shadow mode is a transaction of
   * its own: it keeps nobody from being admitted, and nobody keeps it from being charged.
   */
  decide(charges: readonly Charge[], terms: Terms = {}): Awaitable<Judgement> {
    const began = performance.now();
    const current = this.live.apply(charges);
    if (!isPromise(current)) return this.decideNow(current, terms);
    // Who had to ask for limits has waited already: the whole has one deadline.
    const deadline = this.timeoutMs === undefined ? undefined : { until: began + this.timeoutMs };
    return current.then((known) => this.decideNow(known, terms, deadline));
  }

  private decideNow(charges: readonly Charge[], terms: Terms, deadline?: Deadline): Awaitable<Judgement> {
    // What is picked from is no limit that could be left unenforced.
    const parts = terms.pick ? [charges.map(unshadowed)] : partsOf(charges);
    const asked = parts.map(mergeSameBucket);
    const order = ++this.calls;
    const transactions = asked.map((entries, p) => transactionOf(entries, terms, isShadow(parts[p]?.[0])));
    return chain(this.decider.decide(transactions, deadline), (replies) => {
      const judgements = parts.map((part, p) => {
        const [entries, reply] = [asked[p] as Entry[], replies[p] as TransactionReply];
        // What this process has decided by itself says nothing of a block in the store.
        if (reply.instead === undefined) this.learnAll(entries, reply, order);
        return judge(part, entries, terms, reply, order);
      });
      const judgement = together(charges, parts, judgements);
      if (!terms.peek) this.record(judgement);
      return judgement;
    });
  }

  /** Notes what the other side says of a bucket. Answers what a peek of cost 1 would. */
  sync(bucket: Bucket, report: LimiterReport): Awaitable<Outcome> {
    return chain(this.live.apply([bucket]), ([current]) => this.syncNow(current as Bucket, report));
  }

  private syncNow(bucket: Bucket, report: LimiterReport): Awaitable<Outcome> {
    const limit = limitOf(bucket);
    const name = bucketKey(bucket.placed.id, bucket.key);
    const take = algorithms[limit.algorithm](limit, name, 1);
    const order = ++this.calls;
    return chain(this.store.report(name, reportOf(limit, report)), (told) => {
      const { found, source } = told;
      this.learn(name, found, told, order);
      const margin = found.stepped ? stepTime([take]) : 0;
      const wait = ownWait(take, found);
      const reading = readLevel(limit, take, found, { charged: fits(take, found, wait), wait, margin });
      return outcomeOf(bucket, reading, source);
    });
  }

  /** Whether there was a block to end. */
  unblock({ placed, key }: Bucket): Awaitable<boolean> {
    return this.store.unblock(bucketKey(placed.id, key));
  }

  /** Whether there was anything to give back. */
  refund({ placed, key, cost }: Charge): Awaitable<boolean> {
    // Places in a line that others have been promised behind do not move.
    if (cost === 0 || placed.policy.shape.shapes) return false;
    return this.store.refund(bucketKey(placed.id, key), cost);
  }

  /** Charges a reserved cost as it has turned out to be, once. */
  settle({ placed, key }: Bucket, id: string, cost: number): Awaitable<Settlement> {
    const { maxDebt, shape } = placed.policy;
    const actual = { id, cost, maxDebt, lowers: !shape.shapes };
    return chain(this.store.settle(bucketKey(placed.id, key), actual), (settled) => ({
      settled: settled !== undefined,
      // Not a negative zero.
      charged: settled === undefined ? 0 : Math.ceil(settled.ticks / settled.ticksPerToken) + 0,
    }));
  }

  /** Whether there was a bucket to forget. */
  reset({ placed, key }: Bucket): Awaitable<boolean> {
    return this.store.reset(bucketKey(placed.id, key));
  }

  /** What buckets hold, in the order asked; a bucket that is not there is full. */
  inspect(buckets: readonly Bucket[]): Awaitable<BucketState[]> {
    if (buckets.length === 0) return [];
    const names = buckets.map(({ placed, key }) => bucketKey(placed.id, key));
    return chain(this.live.apply(buckets), (current) =>
      chain(this.store.inspect(names), (told) =>
        current.map((bucket, i) => stateOf(bucket, told[i] as Inspection)),
      ),
    );
  }

  private record({ outcomes }: Judgement): void {
    for (const { decision } of outcomes) {
      if (decision.shadow !== undefined) this.shadows.record(decision);
      this.fullest?.note(decision);
      this.publish(decision);
    }
  }

  private learnAll(entries: readonly Entry[], reply: TransactionReply, order: number): void {
    for (const [i, { take }] of entries.entries())
      this.learn(take.key, reply.found[i] as Found, reply, order);
  }

  private learn(bucket: string, { block, blockEnd }: Found, { decidedAt }: StoreMoment, order: number): void {
    if (block === 0) this.blocks.forget(bucket, order);
    else {
      const until = block === FOREVER ? Number.POSITIVE_INFINITY : decidedAt + block / 1000;
      this.blocks.learn(bucket, { end: blockEnd, until, order });
    }
  }
}
