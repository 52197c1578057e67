import type { Change, Take } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import type { Limit, Reading, Share } from '../algorithms/limit.js';
import { readLevel, readPlainLevel } from '../algorithms/reading.js';
import type { Mark } from '../algorithms/record.js';
import type { LevelReply } from '../stores/level-reply.js';
import type { PlainDecider, PlainTake, Transaction, TransactionReply } from '../stores/store.interface.js';
import { type Charge, limitOf } from './charge.js';
import { type Judgement, judge, type Outcome } from './judgement.js';
import type { ChargedCall, ChargedTake } from './pending-charge.js';
import type { PlacedPolicy } from './placed-policy.js';
import { type LeftBy, TakenDecision } from './taken-decision.js';

/** What a reply of the store means for plain charges, each of a bucket of its own. */
export function judgePlain(
  charges: readonly Charge[],
  transaction: Transaction,
  reply: TransactionReply,
  order: number,
): Judgement {
  const { takes, counted } = transaction;
  if (charges.length > 1 || reply.instead !== undefined) {
    const entries = charges.map((charge, i) => ({ charge, take: takes[i] as Take }));
    return judge(charges, { entries, places: [...charges.keys()] }, transaction, reply, order);
  }
  const [charge, take] = [charges[0] as Charge, takes[0] as Take];
  const share = reply.admitted ? CHARGED : REFUSED;
  const reading = readLevel(limitOf(charge), take, reply.found[0] as Found, share);
  const mark = reply.admitted && counted ? reply.marks[0] : undefined;
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

/** The same of several, which are charged only where all are admitted. */
export function judgeLevels(call: ChargedCall, reply: LevelReply): Judgement {
  const { admitted, now, decidedAt, level, others: levels } = reply;
  const outcomeOf = ({ charge, take }: ChargedTake, found: number) => {
    const reading = readPlainLevel(limitOf(charge), take, found, admitted);
    return new PlainOutcome(charge, reading, reply, undefined, admitted);
  };
  const others = call.others.map((one, i) => outcomeOf(one, levels[i] as number));
  return {
    admitted,
    outcomes: [outcomeOf(call, level), ...others],
    chosen: undefined,
    waitMs: 0,
    slot: now,
    decidedAt,
    order: call.order,
    waiting: NOTHING,
    changes: NOTHING,
  };
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

/** Where and when it was decided. */
type Moment = Pick<TransactionReply, 'source' | 'now' | 'decidedAt'>;

/** The outcome of a plain charge, and how it has left its bucket. */
class PlainOutcome implements Outcome, LeftBy {
  readonly decision: TakenDecision;
  readonly placed: PlacedPolicy;
  readonly limit: Limit;
  readonly level: Reading['level'];
  readonly block: number;
  readonly slot: number;

  /** `isKnown`: something was taken, and the level says what is left. */
  constructor(
    charge: Charge,
    reading: Reading,
    { source, now }: Moment,
    mark: Mark | undefined,
    isKnown: boolean,
  ) {
    this.placed = charge.placed;
    this.limit = limitOf(charge);
    this.level = reading.level;
    this.block = reading.block;
    this.slot = now;
    this.decision = new TakenDecision(charge, this.limit, reading, source, mark, isKnown ? this : undefined);
  }
}

/** The judgement of one plain charge, and its only outcome: nothing waits, and nothing can be undone. */
export class PlainJudgement extends PlainOutcome implements Judgement {
  readonly admitted: boolean;
  readonly decidedAt: number;

  constructor(
    charge: Charge,
    reading: Reading,
    reply: Moment,
    mark: Mark | undefined,
    readonly order: number,
    isHeld = false,
  ) {
    // What is held beside it joins the level whenever it is spent, so the level says nothing of what was sent.
    super(charge, reading, reply, mark, reading.fits && !isHeld);
    this.admitted = reading.fits;
    this.decidedAt = reply.decidedAt;
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
