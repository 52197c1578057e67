import { changesOf, decide, type NamelessTake, type Take } from '../../algorithms/kernel.js';
import type { Found } from '../../algorithms/level.js';
import { type BucketRecord, markOf } from '../../algorithms/record.js';
import { type CallMoment, LevelReply } from '../level-reply.js';
import { PlainCall } from '../plain-call.js';
import type { StoreMoment, Transaction, TransactionReply } from '../store.interface.js';
import type { Reply } from './decide-call.js';
import { parseRecord } from './record-text.js';

const NOTHING: readonly never[] = [];

interface Asked {
  readonly take: NamelessTake;
}

/**
 * Decides here, in the order of arrival and from what `take.lua` has found in the buckets, what the script has decided by the
 * same rules. Nearly always a bucket is a level of the take's own scale, and a transaction a comparison.
 */
export class TakeReplay {
  /** By place: ticks, each of the scale of the takes that come to it. */
  private readonly levels: number[] = [];
  /** By place: what a bucket is that is more than a level. */
  private readonly records = new Map<number, BucketRecord | undefined>();
  private readonly moment: CallMoment;

  /** Of the next transaction: where in `places` its takes begin. */
  private first = 0;

  /** `places` has the buckets of all takes, in order. */
  constructor(
    reply: Reply,
    buckets: number,
    moment: StoreMoment,
    private readonly places: readonly number[],
  ) {
    this.moment = { now: moment.now, decidedAt: moment.decidedAt, source: 'redis' };
    for (let i = 1; i <= buckets; i++) this.levels.push(Number(reply[i]));
    for (let i = buckets + 1; i < reply.length; i += 2) {
      this.records.set(Number(reply[i]) - 1, parseRecord(String(reply[i + 1])));
    }
  }

  /** Decides the next one. */
  next(transaction: Transaction): TransactionReply {
    const { first } = this;
    const isCall = transaction instanceof PlainCall;
    this.first += isCall ? 1 + transaction.others.length : transaction.takes.length;
    if (transaction.counted || this.records.size > 0)
      return this.decideByKernel(transaction, this.places.slice(first, this.first));
    if (isCall) return this.decideByLevels(transaction, transaction.others, first, false);
    const [one, ...others] = transaction.takes.map((take): Asked => ({ take }));
    return this.decideByLevels(one as Asked, others, first, transaction.peek === true);
  }

  /** A take, and those beside it: their buckets are at the places from `first` on. */
  private decideByLevels(
    { take }: Asked,
    others: readonly Asked[],
    first: number,
    peek: boolean,
  ): TransactionReply {
    const level = this.levelAt(first);
    let admitted = level <= take.allowance;
    if (others.length === 0) {
      if (admitted && !peek) this.charge(first, take);
      return new LevelReply(admitted, level, this.moment);
    }
    const levels = others.map(({ take }, i) => {
      const found = this.levelAt(first + 1 + i);
      if (found > take.allowance) admitted = false;
      return found;
    });
    if (admitted && !peek) {
      this.charge(first, take);
      for (let i = 0; i < others.length; i++) this.charge(first + 1 + i, (others[i] as Asked).take);
    }
    return new LevelReply(admitted, level, this.moment, levels);
  }

  private levelAt(place: number): number {
    return this.levels[this.places[place] as number] as number;
  }

  private charge(place: number, { cost, scale }: NamelessTake): void {
    (this.levels[this.places[place] as number] as number) += cost * scale.ticksPerToken;
  }

  private reply(
    admitted: boolean,
    found: readonly Found[],
    charged: readonly number[],
    marks: TransactionReply['marks'] = NOTHING,
  ): TransactionReply {
    const { now, decidedAt, source } = this.moment;
    return { admitted, found, charged, now, decidedAt, source, marks, changes: NOTHING };
  }

  private decideByKernel(transaction: Transaction, places: readonly number[]): TransactionReply {
    const { takes, counted = false, peek = false } = transaction;
    const { now } = this.moment;
    const records = takes.map((take, i) => this.recordAt(places[i] as number, take));
    const verdict = decide(takes, records, transaction, now);
    const { admitted, found, charged } = verdict;
    if (peek) return this.reply(admitted, found, charged);
    for (const { key, after } of changesOf(takes, records, verdict, counted, now)) {
      this.records.set(places[takes.findIndex((take) => take.key === key)] as number, after);
    }
    const marks = counted ? charged.map((i) => markOf(this.records.get(places[i] as number))) : NOTHING;
    return this.reply(admitted, found, charged, marks);
  }

  private recordAt(place: number, { scale }: Take): BucketRecord | undefined {
    const level = this.levels[place] as number;
    if (this.records.has(place)) return this.records.get(place);
    return level === 0 ? undefined : { level, at: this.moment.now, ...scale };
  }
}
