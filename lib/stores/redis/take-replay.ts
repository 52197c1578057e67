import { changesOf, decide, type NamelessTake, type Take } from '../../algorithms/kernel.js';
import type { Found } from '../../algorithms/level.js';
import { type BucketRecord, markOf } from '../../algorithms/record.js';
import { type CallMoment, LevelReply } from '../level-reply.js';
import type { PlainCall } from '../plain-call.js';
import type { StoreMoment, Transaction, TransactionReply } from '../store.interface.js';
import type { Reply } from './decide-call.js';
import { parseRecord } from './record-text.js';

const NOTHING: readonly never[] = [];

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

  constructor(reply: Reply, buckets: number, moment: StoreMoment) {
    this.moment = { now: moment.now, decidedAt: moment.decidedAt, source: 'redis' };
    for (let i = 1; i <= buckets; i++) this.levels.push(Number(reply[i]));
    for (let i = buckets + 1; i < reply.length; i += 2) {
      this.records.set(Number(reply[i]) - 1, parseRecord(String(reply[i + 1])));
    }
  }

  decideCall(call: PlainCall, place: number): TransactionReply {
    if (call.counted || this.records.size > 0) return this.decideByKernel(call, [place]);
    return this.decideOne(call.take, false, place);
  }

  /** `places` has the buckets of its takes from `first` on. */
  decide(transaction: Transaction, places: readonly number[], first: number): TransactionReply {
    const { takes, counted, peek } = transaction;
    if (counted || this.records.size > 0) {
      return this.decideByKernel(transaction, places.slice(first, first + takes.length));
    }
    if (takes.length === 1) return this.decideOne(takes[0] as Take, peek === true, places[first] as number);
    let admitted = true;
    const found: Found[] = [];
    for (let i = 0; i < takes.length; i++) {
      const level = this.levels[places[first + i] as number] as number;
      admitted &&= level <= (takes[i] as Take).allowance;
      found.push({ level, block: 0, blockEnd: 0, stepped: false });
    }
    if (!admitted) return this.reply(false, found, NOTHING);
    if (!peek) this.charge(takes, places, first);
    return this.reply(true, found, [...takes.keys()]);
  }

  private decideOne(
    { cost, allowance, scale }: NamelessTake,
    peek: boolean,
    place: number,
  ): TransactionReply {
    const level = this.levels[place] as number;
    const admitted = level <= allowance;
    if (admitted && !peek) this.levels[place] = level + cost * scale.ticksPerToken;
    return new LevelReply(admitted, level, this.moment);
  }

  private charge(takes: readonly Take[], places: readonly number[], first: number): void {
    for (let i = 0; i < takes.length; i++) {
      const { cost, scale } = takes[i] as Take;
      (this.levels[places[first + i] as number] as number) += cost * scale.ticksPerToken;
    }
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
