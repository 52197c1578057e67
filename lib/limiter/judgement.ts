import { type Change, ownWait, stepTime, type Take, type Terms, waitOf } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import type { Limit, Reading, Share } from '../algorithms/limit.js';
import { readLevel } from '../algorithms/reading.js';
import type { Mark } from '../algorithms/record.js';
import { larger, type Ticks } from '../algorithms/ticks.js';
import type { DecidedTake, TransactionReply } from '../stores/store.interface.js';
import { type Charge, limitOf } from './charge.js';
import { type CombinedDecision, type Decision, tightest } from './decision.js';
import type { Asked, Entry } from './entries.js';
import type { PlacedPolicy } from './placed-policy.js';
import { isShadow } from './shadow-parts.js';
import { type LeftBy, TakenDecision } from './taken-decision.js';

/** A decision together with what it was read from. */
export interface Outcome extends Pick<Reading, 'level' | 'block'> {
  readonly placed: PlacedPolicy;
  /** The numbers that it was decided by. */
  readonly limit: Limit;
  readonly decision: TakenDecision;
}

/** What a transaction of charges came to. All but the outcomes is of what is enforced. */
export interface Judgement {
  readonly admitted: boolean;
  readonly outcomes: readonly Outcome[];
  /** Of charges of which one was to be picked: which one it is. */
  readonly chosen: number | undefined;
  /** How long the shared start lies ahead, in milliseconds, not rounded; 0 where nothing waits. */
  readonly waitMs: number;
  /** From when `waitMs` counts, in milliseconds of `performance.now()`. Says nothing where that is 0. */
  readonly decidedAt: number;
  /** The shared start in microseconds of the store's clock. */
  readonly slot: number;
  /** Which of the limiter's calls it was: the later one knows of whatever an earlier one was told. */
  readonly order: number;
  /** The charges that wait, to be asked for again where their turn would come inside a block. */
  readonly waiting: readonly Charge[];
  /** What can be undone while the start lies ahead, and nobody has come after. */
  readonly changes: readonly Change[];
}

/** The decision of a single charge. */
export const decisionOf = ({ outcomes }: Judgement): TakenDecision => (outcomes[0] as Outcome).decision;

/** The decisions of several charges. */
export function combinedDecisionOf({ admitted, outcomes }: Judgement): CombinedDecision {
  const decisions = outcomes.map(({ decision }) => decision);
  return { allowed: admitted, decisions, tightest: tightest(decisions) as Decision };
}

/** The judgement of what is enforced, with the outcomes of what is in shadow mode: that neither refuses nor waits. */
export function together(
  charges: readonly Charge[],
  parts: readonly (readonly Charge[])[],
  judgements: readonly Judgement[],
): Judgement {
  const first = judgements[0] as Judgement;
  const inShadow = isShadow(parts[0]?.[0]);
  if (judgements.length === 1 && !inShadow) return first;
  const told = new Map(
    parts.flatMap((part, p) => part.map((charge, i) => [charge, judgements[p]?.outcomes[i]] as const)),
  );
  return {
    ...first,
    ...(inShadow ? { admitted: true, waitMs: 0, waiting: [] } : {}),
    outcomes: charges.map((charge) => told.get(charge) as Outcome),
  };
}

/** What a reply of the store means for the charges of a transaction. */
export function judge(
  charges: readonly Charge[],
  { entries: asked, places }: Asked,
  { pick, peek = false, counted = false }: Terms,
  reply: TransactionReply,
  order: number,
): Judgement {
  const { admitted, found, charged, changes } = reply;
  const entries = asDecided(asked, reply);
  const share = pick ? shareAlone(entries, reply) : shareTogether(entries, reply);
  const wait = Number(charged.reduce<Ticks>((longest, i) => larger(longest, share(i).wait), 0));
  const outcomes = charges.map((charge, c) => {
    const place = places[c] as number;
    const { take, charge: decided } = entries[place] as Entry;
    const reading = readLevel(limitOf(decided), take, found[place] as Found, share(place));
    const instead = reply.instead?.[place];
    const limit = limitOf(instead === undefined ? charge : decided);
    const mark = counted ? reply.marks[charged.indexOf(place)] : undefined;
    const isTaken = !peek && instead === undefined && charged.includes(place);
    // What is held beside it joins the level whenever it is spent, so the level says nothing of what was sent.
    const left =
      isTaken && found[place]?.leased === undefined
        ? { limit, level: reading.level, slot: reply.now }
        : undefined;
    return outcomeOf(charge, limit, reading, instead?.source ?? reply.source, mark, left);
  });
  return {
    admitted,
    outcomes,
    chosen: pick && charged[0],
    waitMs: wait / 1000,
    slot: reply.now + wait,
    decidedAt: reply.decidedAt,
    order,
    waiting: charges.filter((_, c) => entries[places[c] as number]?.take.startLevel !== undefined),
    changes: undoable(changes, entries),
  };
}

/** The entries as they were decided: where the store could not be asked, perhaps by a part of the limit, or by none. */
function asDecided(asked: readonly Entry[], { instead }: TransactionReply): readonly Entry[] {
  if (instead === undefined) return asked;
  return asked.map(({ charge }, i) => {
    const { take } = instead[i] as DecidedTake;
    const { capacity, scale, startLevel } = take;
    const limit = { ...limitOf(charge), capacity, scale };
    return {
      take,
      charge: { ...charge, limit: { ...limit, shapes: limit.shapes && startLevel !== undefined } },
    };
  });
}

/** What was reserved beside what waits is settled, and not undone as well. Most transactions can undo nothing. */
function undoable(changes: readonly Change[], entries: readonly Entry[]): readonly Change[] {
  if (changes.length === 0) return changes;
  const isSettled = ({ reserve, startLevel }: Take) => reserve !== undefined && startLevel === undefined;
  const settled = new Set(entries.filter(({ take }) => isSettled(take)).map(({ take }) => take.key));
  return changes.filter(({ key }) => !settled.has(key));
}

/** `limit` is what it was decided by. */
export function outcomeOf(
  asked: Charge,
  limit: Limit,
  reading: Reading,
  source: Decision['source'],
  mark?: Mark,
  left?: LeftBy,
): Outcome {
  const decision = new TakenDecision(asked, limit, reading, source, mark, left);
  return { placed: asked.placed, limit, decision, level: reading.level, block: reading.block };
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
