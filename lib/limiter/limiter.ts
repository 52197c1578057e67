import { algorithms } from '../algorithms/index.js';
import { fits, ownWait, stepTime, type Terms } from '../algorithms/kernel.js';
import { readLevel } from '../algorithms/reading.js';
import { type Awaitable, chain, isPromise } from '../common/awaitable.js';
import { LevelReply } from '../stores/level-reply.js';
import { nameOf, type PlainQueue } from '../stores/plain-call.js';
import type {
  Deadline,
  Inspection,
  PlainDecider,
  Store,
  Transaction,
  TransactionReply,
} from '../stores/store.interface.js';
import { bucketKey, keyPart } from './bucket-key.js';
import { type BucketState, stateOf } from './bucket-state.js';
import { type Bucket, type Charge, limitOf } from './charge.js';
import type { Decision } from './decision.js';
import { type Asked, mergeSameBucket, transactionOf } from './entries.js';
import type { FullestBuckets } from './fullest-buckets.js';
import { type Judgement, judge, type Outcome, outcomeOf, together } from './judgement.js';
import { type LimiterReport, reportOf } from './limiter-report.js';
import { LiveLimits } from './live-limits.js';
import { type ChargedCall, type ChargedTake, PendingCharge } from './pending-charge.js';
import { arePlain, isPlain, plainTransaction } from './plain-charge.js';
import { judgeHere, judgeLevel, judgeLevels, judgePlain } from './plain-judgement.js';
import { PlainTakes } from './plain-takes.js';
import type { Settlement } from './reservation.js';
import { ShadowCounts } from './shadow-counts.js';
import { isShadow, partsOf, unshadowed } from './shadow-parts.js';
import { Blocks } from './waiting/blocks.js';

/** Of what is decided here, one decision in so many is noted among the fullest buckets: who asks for the same often is found all the same. */
const NOTED = 64;

const NO_TERMS: Terms = {};

const NOTHING: readonly never[] = Object.freeze([]);

const itself = (judgement: Judgement): Judgement => judgement;

const chargeIn = ({ charge }: ChargedTake): Charge => charge;

/** Turns charges into one transaction of the store, and its reply into decisions. */
export class Limiter {
  private calls = 0;
  /** The policies of which the other side has reported what is left: there takes are counted from then on. */
  private readonly reported = new Set<string>();
  private readonly plainTakes = new PlainTakes();
  /** The decider, where it is one of this process. */
  private readonly here: PlainDecider | undefined;
  /** Where what is plain can wait for its turn. */
  private readonly queue: PlainQueue | undefined;

  constructor(
    private readonly store: Store,
    private readonly blocks = new Blocks(),
    readonly shadows = new ShadowCounts(),
    readonly live = new LiveLimits(store),
    private readonly fullest?: FullestBuckets,
    /** Told of every decision. */
    private readonly publish: (decision: Decision) => void = () => undefined,
    /** What stands before the store where decisions are made. */
    private readonly decider: Pick<Store, 'decide'> & Partial<PlainDecider & PlainQueue> = store,
    /** How long a decision may take, in milliseconds; undefined: as long as the store does. */
    private readonly timeoutMs?: number,
  ) {
    this.here = decider.decidePlain === undefined ? undefined : (decider as PlainDecider);
    this.queue = decider.enqueue === undefined ? undefined : (decider as PlainQueue);
  }

  /**
   * Decides charges together. Beside them, in the same call of the store, each bucket in shadow mode is a transaction of
   * its own: it keeps nobody from being admitted, and nobody keeps it from being charged.
   */
  decide(charges: readonly Charge[], terms: Terms = NO_TERMS): Awaitable<Judgement> {
    return this.decideAll(charges, terms, itself);
  }

  /** Answers what is made of the judgement: so nobody awaits a promise more than needed. */
  decideAll<T>(charges: readonly Charge[], terms: Terms, answer: (judgement: Judgement) => T): Awaitable<T> {
    if (charges.length === 1) return this.decideOne(charges[0] as Charge, terms, answer);
    return this.decideMany(charges, terms, answer, this.queue !== undefined && arePlain(charges, terms));
  }

  private decideMany<T>(
    charges: readonly Charge[],
    terms: Terms,
    answer: (judgement: Judgement) => T,
    isStack: boolean,
  ): Awaitable<T> {
    const current = this.live.apply(charges);
    if (isPromise(current)) {
      const deadline = this.deadlineFromNow();
      return current.then((known) => chain(this.decideNow(known, terms, deadline), answer));
    }
    return isStack ? this.decideStack(current, terms, answer) : chain(this.decideNow(current, terms), answer);
  }

  /** Plain charges of different buckets. */
  private decideStack<T>(
    charges: readonly Charge[],
    terms: Terms,
    answer: (judgement: Judgement) => T,
  ): Awaitable<T> {
    const others: ChargedTake[] = charges
      .slice(1)
      .map((charge) => ({ charge, take: this.plainTakes.of(charge), key: keyPart(charge.key) }));
    const answered = this.enqueue(charges[0] as Charge, others, terms.counted === true, ++this.calls, answer);
    return answered ?? chain(this.decideNow(charges, terms), answer);
  }

  /** Undefined where the store has to be asked in full. */
  private enqueue<T>(
    charge: Charge,
    others: readonly ChargedTake[],
    counted: boolean,
    order: number,
    answer: (judgement: Judgement) => T,
  ): Promise<T> | undefined {
    const take = this.plainTakes.of(charge);
    const call = new PendingCharge(charge, take, others, counted, order, this.readCall, answer);
    return this.queue?.enqueue(call) ? call.answered : undefined;
  }

  /** Decides one charge. */
  decideOne<T>(charge: Charge, terms: Terms, answer: (judgement: Judgement) => T): Awaitable<T> {
    if (!isPlain(charge, terms)) return this.decideMany([charge], terms, answer, false);
    const current = this.live.applyTo(charge);
    if (!isPromise(current)) return this.decidePlain(current, terms, answer);
    const deadline = this.deadlineFromNow();
    return current.then((known) => this.decidePlain(known, terms, answer, deadline));
  }

  private decidePlain<T>(
    charge: Charge,
    { counted = false }: Terms,
    answer: (judgement: Judgement) => T,
    deadline?: Deadline,
  ): Awaitable<T> {
    const order = ++this.calls;
    const here = counted ? undefined : this.decideHere(charge, order);
    if (here !== undefined) return answer(here);
    if (this.queue !== undefined && deadline === undefined) {
      const answered = this.enqueue(charge, NOTHING, counted, order, answer);
      if (answered !== undefined) return answered;
    }
    const transaction = plainTransaction(charge, counted);
    const replies = this.decider.decide([transaction], deadline);
    if (!isPromise(replies))
      return answer(this.readPlain([charge], transaction, replies[0] as TransactionReply, order));
    return replies.then((later) =>
      answer(this.readPlain([charge], transaction, later[0] as TransactionReply, order)),
    );
  }

  /** Undefined where the store has to be asked in full. */
  private decideHere(charge: Charge, order: number): Judgement | undefined {
    if (this.here === undefined) return undefined;
    const take = this.plainTakes.of(charge);
    const level = this.here.decidePlain(take, keyPart(charge.key));
    if (level === undefined) return undefined;
    if (this.blocks.size > 0) this.blocks.forget(bucketKey(charge.placed.id, charge.key), order);
    const judgement = judgeHere(charge, take, level, this.here, order);
    // What this process knows by itself it has been told a moment ago, and the store lists what it keeps.
    const { decision } = judgement;
    if (order % NOTED === 0) this.note(decision);
    else this.publish(decision);
    return judgement;
  }

  private readonly readCall = (call: ChargedCall, reply: TransactionReply): Judgement => {
    const { charge, take, others, order } = call;
    if (!(reply instanceof LevelReply))
      return this.readPlain([charge, ...others.map(chargeIn)], call, reply, order);
    if (this.blocks.size > 0) for (const one of [call, ...others]) this.blocks.forget(nameOf(one), order);
    if (others.length > 0) {
      const judgement = judgeLevels(call, reply);
      this.record(judgement);
      return judgement;
    }
    const judgement = judgeLevel(charge, take, reply, order);
    this.note(judgement.decision);
    return judgement;
  };

  private readPlain(
    charges: readonly Charge[],
    transaction: Transaction,
    reply: TransactionReply,
    order: number,
  ): Judgement {
    this.blocks.foundAll(transaction.takes, reply, order);
    const judgement = judgePlain(charges, transaction, reply, order);
    this.record(judgement);
    return judgement;
  }

  /** Who has to ask for limits first waits already: the whole has one deadline. */
  private deadlineFromNow(): Deadline | undefined {
    return this.timeoutMs === undefined ? undefined : { until: performance.now() + this.timeoutMs };
  }

  private decideNow(charges: readonly Charge[], terms: Terms, deadline?: Deadline): Awaitable<Judgement> {
    // What is picked from is no limit that could be left unenforced.
    const parts = terms.pick ? [charges.map(unshadowed)] : partsOf(charges);
    const asked = parts.map(mergeSameBucket);
    const order = ++this.calls;
    const transactions = asked.map((one, p) => transactionOf(one, terms, isShadow(parts[p]?.[0])));
    return chain(this.decider.decide(transactions, deadline), (replies) => {
      const judgements = parts.map((part, p) => {
        const reply = replies[p] as TransactionReply;
        this.blocks.foundAll((transactions[p] as Transaction).takes, reply, order);
        return judge(part, asked[p] as Asked, terms, reply, order);
      });
      const judgement = together(charges, parts, judgements);
      if (!terms.peek) this.record(judgement);
      return judgement;
    });
  }

  /** Whether a report may come to refer to what is taken. */
  isReported({ placed }: Bucket): boolean {
    return this.reported.size > 0 && this.reported.has(placed.id);
  }

  /** Notes what the other side says of a bucket. Answers what a peek of cost 1 would. */
  sync(bucket: Bucket, report: LimiterReport): Awaitable<Outcome> {
    if (report.remaining !== undefined) this.reported.add(bucket.placed.id);
    return chain(this.live.apply([bucket]), ([current]) => this.syncNow(current as Bucket, report));
  }

  private syncNow(bucket: Bucket, report: LimiterReport): Awaitable<Outcome> {
    const limit = limitOf(bucket);
    const name = bucketKey(bucket.placed.id, bucket.key);
    const take = algorithms[limit.algorithm](limit, name, 1);
    const order = ++this.calls;
    return chain(this.store.report(name, reportOf(limit, report)), (told) => {
      const { found, source } = told;
      this.blocks.foundAt(name, found, told, order);
      const margin = found.stepped ? stepTime([take]) : 0;
      const wait = ownWait(take, found);
      const reading = readLevel(limit, take, found, { charged: fits(take, found, wait), wait, margin });
      return outcomeOf({ ...bucket, cost: 1 }, limit, reading, source);
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
    for (const { decision } of outcomes) this.note(decision);
  }

  private note(decision: Decision): void {
    if (decision.shadow !== undefined) this.shadows.record(decision);
    this.fullest?.note(decision);
    this.publish(decision);
  }
}
