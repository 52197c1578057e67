import { algorithms } from '../algorithms/index.js';
import {
  type Change,
  fits,
  type Hold,
  ownWait,
  stepTime,
  type Take,
  type Terms,
  waitOf,
} from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import type { Limit, Patience, Reading, Share } from '../algorithms/limit.js';
import { readLevel } from '../algorithms/reading.js';
import { FOREVER, type Mark } from '../algorithms/record.js';
import type { Report } from '../algorithms/report.js';
import { larger, MAX_TICKS, type Ticks } from '../algorithms/ticks.js';
import { type Awaitable, chain } from '../common/awaitable.js';
import type {
  Inspection,
  Store,
  StoreMoment,
  Transaction,
  TransactionReply,
} from '../stores/store.interface.js';
import { Blocks } from './blocks.js';
import { bucketKey } from './bucket-key.js';
import { type BucketState, stateOf } from './bucket-state.js';
import type { Decision } from './decision.js';
import type { FullestBuckets } from './fullest-buckets.js';
import { LiveLimits } from './live-limits.js';
import type { PlacedPolicy } from './placed-policy.js';
import type { Settlement } from './reservation.js';
import { ShadowCounts } from './shadow-counts.js';
import { isShadow, partsOf, unshadowed } from './shadow-parts.js';

/** A bucket by its policy and by who is limited. */
export interface Bucket {
  readonly placed: PlacedPolicy;
  readonly key: string;
  /** Its numbers, where the policy does not fix them. */
  readonly limit?: Limit | undefined;
}

/** What one limit is asked for: tokens from a bucket. */
export interface Charge extends Bucket {
  readonly cost: number;
  /** Set where the caller waits for its turn. */
  readonly patience?: Patience;
  /** Set where the cost is an estimate, to be settled later. */
  readonly reserve?: Hold | undefined;
}

/** A decision together with what it was read from. */
export interface Outcome extends Pick<Reading, 'level' | 'block'> {
  readonly placed: PlacedPolicy;
  /** The numbers that it was decided by. */
  readonly limit: Limit;
  readonly decision: Decision;
}

/** What a transaction of charges came to. All but the outcomes and marks is of what is enforced. */
export interface Judgement {
  readonly admitted: boolean;
  readonly outcomes: readonly Outcome[];
  /** Of charges of which one was to be picked: which one it is. */
  readonly chosen: number | undefined;
  /** How long the shared start lies ahead, in milliseconds, not rounded; 0 where nothing waits. */
  readonly waitMs: number;
  /** From when `waitMs` counts, in milliseconds of `performance.now()`. */
  readonly decidedAt: number;
  /** The shared start in microseconds of the store's clock. */
  readonly slot: number;
  /** Which of the limiter's calls it was: the later one knows of whatever an earlier one was told. */
  readonly order: number;
  /** The charges that wait, to be asked for again where their turn would come inside a block. */
  readonly waiting: readonly Charge[];
  /** What can be undone while the start lies ahead, and nobody has come after. */
  readonly changes: readonly Change[];
  /** Of each charge that is counted and was taken, its place in the count of its bucket. */
  readonly marks: readonly (Mark | undefined)[];
}

/** What the other side of a bucket has said: see `RateLimiterService.sync`. */
export interface LimiterReport {
  readonly remaining?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly mark?: Mark | undefined;
  /** The most that can be left there. */
  readonly limit?: number | undefined;
  /** Blocks until it is taken back. */
  readonly forever?: boolean;
}

/** The numbers of a bucket. Whoever asks for one of a policy that does not fix them has to say them. */
function limitOf({ limit, placed }: Bucket): Limit {
  return limit ?? (placed.policy.limit as Limit);
}

/** Turns charges into one transaction of the store, and its reply into decisions. */
export class Limiter {
  private calls = 0;

  constructor(
    private readonly store: Store,
    private readonly blocks = new Blocks(),
    readonly shadows = new ShadowCounts(),
    readonly live = new LiveLimits(store),
    private readonly fullest?: FullestBuckets,
  ) {}

  /**
   * Decides charges together. Beside them, in the same call of the store, each bucket in shadow mode is a transaction of
   * its own: it keeps nobody from being admitted, and nobody keeps it from being charged.
   */
  decide(charges: readonly Charge[], terms: Terms = {}): Awaitable<Judgement> {
    return chain(this.live.apply(charges), (current) => this.decideNow(current, terms));
  }

  private decideNow(charges: readonly Charge[], terms: Terms): Awaitable<Judgement> {
    // What is picked from is no limit that could be left unenforced.
    const parts = terms.pick ? [charges.map(unshadowed)] : partsOf(charges);
    const asked = parts.map(mergeSameBucket);
    const order = ++this.calls;
    const transactions = asked.map((entries, p) => transactionOf(entries, terms, isShadow(parts[p]?.[0])));
    return chain(this.store.decide(transactions), (replies) => {
      const judgements = parts.map((part, p) => {
        const [entries, reply] = [asked[p] as Entry[], replies[p] as TransactionReply];
        for (const [i, { take }] of entries.entries())
          this.learn(take.key, reply.found[i] as Found, reply, order);
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
    }
  }

  private learn(bucket: string, { block, blockEnd }: Found, { decidedAt }: StoreMoment, order: number): void {
    if (block === 0) this.blocks.forget(bucket, order);
    else {
      const until = block === FOREVER ? Number.POSITIVE_INFINITY : decidedAt + block / 1000;
      this.blocks.learn(bucket, { end: blockEnd, until, order });
    }
  }
}

function transactionOf(entries: readonly Entry[], terms: Terms, inShadow: boolean): Transaction {
  const takes = entries.map(({ take }) => take);
  // Only what waits can still be given up; asking for the records costs a little.
  const revocable = !inShadow && takes.some(({ startLevel }) => startLevel !== undefined);
  return { ...terms, takes, revocable };
}

/** The judgement of what is enforced, with the outcomes of what is in shadow mode: that neither refuses nor waits. */
function together(
  charges: readonly Charge[],
  parts: readonly (readonly Charge[])[],
  judgements: readonly Judgement[],
): Judgement {
  const first = judgements[0] as Judgement;
  const inShadow = isShadow(parts[0]?.[0]);
  if (judgements.length === 1 && !inShadow) return first;
  const told = new Map(
    parts.flatMap((part, p) =>
      part.map((charge, i) => [charge, [judgements[p]?.outcomes[i], judgements[p]?.marks[i]] as const]),
    ),
  );
  return {
    ...first,
    ...(inShadow ? { admitted: true, waitMs: 0, waiting: [] } : {}),
    outcomes: charges.map((charge) => told.get(charge)?.[0] as Outcome),
    marks: charges.map((charge) => told.get(charge)?.[1]),
  };
}

function judge(
  charges: readonly Charge[],
  entries: readonly Entry[],
  { pick, counted = false }: Terms,
  reply: TransactionReply,
  order: number,
): Judgement {
  const { admitted, found, charged, source, changes } = reply;
  const share = pick ? shareAlone(entries, reply) : shareTogether(entries, reply);
  const places = new Map(entries.map(({ take }, i) => [take.key, i]));
  const readings = entries.map(({ take, charge }, i) =>
    readLevel(limitOf(charge), take, found[i] as Found, share(i)),
  );
  const wait = Number(charged.reduce<Ticks>((longest, i) => larger(longest, share(i).wait), 0));
  const placeOf = ({ placed, key }: Bucket) => places.get(bucketKey(placed.id, key)) as number;
  // What was reserved beside what waits is settled, and not undone as well.
  const isSettled = ({ reserve, startLevel }: Take) => reserve !== undefined && startLevel === undefined;
  const settled = new Set(entries.filter(({ take }) => isSettled(take)).map(({ take }) => take.key));
  return {
    admitted,
    outcomes: charges.map((charge) => outcomeOf(charge, readings[placeOf(charge)] as Reading, source)),
    chosen: pick && charged[0],
    waitMs: wait / 1000,
    slot: reply.now + wait,
    decidedAt: reply.decidedAt,
    order,
    waiting: charges.filter((charge) => entries[placeOf(charge)]?.take.startLevel !== undefined),
    changes: settled.size === 0 ? changes : changes.filter(({ key }) => !settled.has(key)),
    marks: counted ? charges.map((charge) => reply.marks[charged.indexOf(placeOf(charge))]) : [],
  };
}

type ShareOf = (place: number) => Share;

/** All or nothing, and one start for all. */
function shareTogether(entries: readonly Entry[], { admitted, found }: TransactionReply): ShareOf {
  const takes = entries.map(({ take }) => take);
  const isStepped = takes.some((take, i) => take.startLevel !== undefined && found[i]?.stepped);
  const share = { charged: admitted, wait: waitOf(takes, found), margin: isStepped ? stepTime(takes) : 0 };
  return () => share;
}

/** Each of those that one is picked of stands for itself. */
function shareAlone(entries: readonly Entry[], { found, charged }: TransactionReply): ShareOf {
  return (i) => {
    const [{ take }, place] = [entries[i] as Entry, found[i] as Found];
    return {
      charged: charged.includes(i),
      wait: ownWait(take, place),
      margin: place.stepped ? stepTime([take]) : 0,
    };
  };
}

function reportOf({ capacity, scale, shapes }: Limit, report: LimiterReport): Report {
  const { remaining, retryAfterMs = 0, mark, limit = 0, forever } = report;
  return {
    scale,
    missing: remaining === undefined ? undefined : capacity - remaining,
    mark,
    // Places in a line were promised, and do not move. Where more is allowed there than here, what is left there says nothing
    // of how much was taken here: it would fill the bucket with every report.
    lowers: !shapes && limit <= capacity,
    block: forever ? FOREVER : Math.min(retryAfterMs * 1000, MAX_TICKS),
  };
}

function outcomeOf(bucket: Bucket, reading: Reading, source: Decision['source']): Outcome {
  const { placed, key } = bucket;
  const limit = limitOf(bucket);
  const { fits, level, block, remaining, retryAfterMs, resetAfterMs, delayMs } = reading;
  const decision: Decision = {
    allowed: placed.shadow !== undefined || fits,
    policy: placed.id,
    key,
    limit: limit.capacity,
    remaining,
    retryAfterMs,
    resetAfterMs,
    delayMs,
    source,
    ...(placed.shadow ? { shadow: fits ? 'admitted' : 'refused' } : {}),
  };
  return { placed, limit, decision, level, block };
}

interface Entry {
  readonly charge: Charge;
  readonly take: Take;
}

/** The same bucket twice in one transaction is one entry with the sum of the costs. */
function mergeSameBucket(charges: readonly Charge[]): Entry[] {
  const merged = new Map<string, Charge>();
  for (const charge of charges) {
    const bucket = bucketKey(charge.placed.id, charge.key);
    const before = merged.get(bucket);
    merged.set(bucket, before ? { ...charge, cost: before.cost + charge.cost } : charge);
  }
  return [...merged].map(([bucket, charge]) => {
    const limit = limitOf(charge);
    const take = algorithms[limit.algorithm](limit, bucket, charge.cost, charge.patience);
    return { charge, take: charge.reserve === undefined ? take : { ...take, reserve: charge.reserve } };
  });
}
