import { type Change, ownWait, stepTime, type Take, type Terms, waitOf } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import type { Limit, Reading, Share } from '../algorithms/limit.js';
import { readLevel } from '../algorithms/reading.js';
import type { Mark } from '../algorithms/record.js';
import { larger, type Ticks } from '../algorithms/ticks.js';
import type { DecidedTake, TransactionReply } from '../stores/store.interface.js';
import { bucketKey } from './bucket-key.js';
import { type Bucket, type Charge, limitOf } from './charge.js';
import type { Decision } from './decision.js';
import type { Entry } from './entries.js';
import type { PlacedPolicy } from './placed-policy.js';
import { isShadow } from './shadow-parts.js';

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

/** What a reply of the store means for the charges of a transaction. */
export function judge(
  charges: readonly Charge[],
  asked: readonly Entry[],
  { pick, counted = false }: Terms,
  reply: TransactionReply,
  order: number,
): Judgement {
  const { admitted, found, charged, changes } = reply;
  const entries = asDecided(asked, reply);
  const share = pick ? shareAlone(entries, reply) : shareTogether(entries, reply);
  const places = new Map(entries.map(({ take }, i) => [take.key, i]));
  const readings = entries.map(({ take, charge }, i) =>
    readLevel(limitOf(charge), take, found[i] as Found, share(i)),
  );
  const wait = Number(charged.reduce<Ticks>((longest, i) => larger(longest, share(i).wait), 0));
  const placeOf = ({ placed, key }: Bucket) => places.get(bucketKey(placed.id, key)) as number;
  const outcome = (charge: Charge, place: number): Outcome => {
    const reading = readings[place] as Reading;
    const instead = reply.instead?.[place];
    if (instead === undefined) return outcomeOf(charge, reading, reply.source);
    return outcomeOf({ ...charge, limit: entries[place]?.charge.limit }, reading, instead.source);
  };
  return {
    admitted,
    outcomes: charges.map((charge) => outcome(charge, placeOf(charge))),
    chosen: pick && charged[0],
    waitMs: wait / 1000,
    slot: reply.now + wait,
    decidedAt: reply.decidedAt,
    order,
    waiting: charges.filter((charge) => entries[placeOf(charge)]?.take.startLevel !== undefined),
    changes: undoable(changes, entries),
    marks: counted ? charges.map((charge) => reply.marks[charged.indexOf(placeOf(charge))]) : [],
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

export function outcomeOf(bucket: Bucket, reading: Reading, source: Decision['source']): Outcome {
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
