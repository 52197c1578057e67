import { algorithms } from '../algorithms/index.js';
import type { Change, Take, Terms } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import type { Limit, Reading, Share } from '../algorithms/limit.js';
import { readLevel, readPlainLevel } from '../algorithms/reading.js';
import type { Mark } from '../algorithms/record.js';
import type { LevelReply } from '../stores/level-reply.js';
import type { PlainDecider, PlainTake, Transaction, TransactionReply } from '../stores/store.interface.js';
import { bucketKey } from './bucket-key.js';
import { type Charge, limitOf } from './charge.js';
import type { Decision } from './decision.js';
import { type Judgement, judge, type Outcome } from './judgement.js';
import type { PlacedPolicy } from './placed-policy.js';
import { TakenDecision } from './taken-decision.js';

/**
 * Nearly every charge is plain: one bucket by itself, that is enforced and admits at once or refuses. What that comes to
 * needs no lists and no sums, so it goes a short way of its own. `judge` says the same, which a test holds it to.
 */
export function isPlain(charge: Charge, { peek, pick }: Terms): boolean {
  return (
    charge.placed.shadow === undefined &&
    charge.patience === undefined &&
    charge.reserve === undefined &&
    !peek &&
    pick === undefined &&
    !charge.placed.policy.shape.shapes
  );
}

export function plainTransaction(charge: Charge, counted: boolean): Transaction {
  const { placed, key, cost } = charge;
  const limit = limitOf(charge);
  const take = algorithms[limit.algorithm](limit, bucketKey(placed.id, key), cost);
  const answer = placed.policy.onStoreError;
  const onStoreError = answer === undefined ? undefined : [answer];
  return { peek: undefined, pick: undefined, counted, takes: [take], revocable: false, onStoreError };
}

/** What a reply of the store means for a plain charge. */
export function judgePlain(
  charge: Charge,
  transaction: Transaction,
  reply: TransactionReply,
  order: number,
): Judgement {
  const take = transaction.takes[0] as Take;
  if (reply.instead !== undefined) {
    return judge([charge], { entries: [{ charge, take }], places: [0] }, transaction, reply, order);
  }
  const share = reply.admitted ? CHARGED : REFUSED;
  const reading = readLevel(limitOf(charge), take, reply.found[0] as Found, share);
  const mark = reply.admitted && transaction.counted ? reply.marks[0] : undefined;
  const isHeld = reply.found[0]?.leased !== undefined;
  return new PlainJudgement(charge, reading, reply, mark, order, isHeld);
}

/** What it means for one whose bucket the store has found to be no more than a level. */
export function judgeLevel(
  charge: Charge,
  take: PlainTake,
  reply: LevelReply,
  order: number,
): PlainJudgement {
  const reading = readPlainLevel(limitOf(charge), take, reply.level);
  return new PlainJudgement(charge, reading, reply, undefined, order);
}

/** What it means for one that this process has found its bucket at a level. */
export function judgeHere(
  charge: Charge,
  take: PlainTake,
  level: number,
  { plainAt: now, plainSource: source }: PlainDecider,
  order: number,
): PlainJudgement {
  const reading = readPlainLevel(limitOf(charge), take, level);
  // Nothing waits, so nobody asks from when it would.
  return new PlainJudgement(charge, reading, { source, now, decidedAt: 0 }, undefined, order);
}

const CHARGED: Share = { charged: true, wait: 0, margin: 0 };
const REFUSED: Share = { charged: false, wait: 0, margin: 0 };

const NOTHING: readonly never[] = Object.freeze([]);

/** The judgement of a plain charge, and its only outcome: nothing waits, and nothing can be undone. */
export class PlainJudgement implements Judgement, Outcome {
  readonly admitted: boolean;
  readonly decision: TakenDecision;
  readonly placed: PlacedPolicy;
  readonly limit: Limit;
  readonly level: Reading['level'];
  readonly block: number;
  readonly decidedAt: number;
  readonly slot: number;

  constructor(
    charge: Charge,
    reading: Reading,
    reply: { readonly source: Decision['source']; readonly now: number; readonly decidedAt: number },
    mark: Mark | undefined,
    readonly order: number,
    isHeld = false,
  ) {
    this.admitted = reading.fits;
    this.placed = charge.placed;
    this.limit = limitOf(charge);
    // What is held beside it joins the level whenever it is spent, so the level says nothing of what was sent.
    const left = this.admitted && !isHeld ? this : undefined;
    this.decision = new TakenDecision(charge, this.limit, reading, reply.source, mark, left);
    this.level = reading.level;
    this.block = reading.block;
    this.decidedAt = reply.decidedAt;
    this.slot = reply.now;
  }

  get outcomes(): readonly Outcome[] {
    return [this];
  }

  get chosen(): undefined {
    return undefined;
  }

  get waitMs(): number {
    return 0;
  }

  get waiting(): readonly Charge[] {
    return NOTHING;
  }

  get changes(): readonly Change[] {
    return NOTHING;
  }
}
