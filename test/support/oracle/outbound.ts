import {
  type BucketRecord,
  blockLeft,
  isIdle,
  isSame,
  later,
  MAX,
  type Mark,
  rebased,
  written,
} from './bucket-record.js';
import { type EntryResult, type OraclePolicy, promisedAt } from './oracle.js';
import {
  type Look,
  lookAt,
  marginOf,
  type OutboundEntry,
  report,
  seat,
  sharedWait,
} from './outbound-entry.js';
import { type Picked, preferred } from './outbound-pick.js';
import { type Report, type Synced, synced } from './outbound-sync.js';
import { add, type Rational, whole } from './rational.js';

export interface OutboundOptions {
  readonly peek?: boolean;
  readonly counted?: boolean;
  /** Exactly one entry is taken. */
  readonly pick?: { readonly prefer?: number };
}

/** What an admitted operation has found and left, to be undone. */
export interface Trace {
  readonly key: string;
  readonly before: BucketRecord | undefined;
  readonly after: BucketRecord;
}

export interface OutboundDecision {
  readonly admitted: boolean;
  readonly chosen: number | undefined;
  readonly pickedBy?: Picked['by'];
  readonly results: EntryResult[];
  /** One per entry. */
  readonly marks: (Mark | undefined)[];
  readonly traces: Trace[];
}

/** The rules of buckets that follow a provider, in exact fractions of a token; no record ever expires. */
export class OutboundModel {
  private readonly records: Map<string, BucketRecord>;

  /** Of another, to see what would come next. */
  constructor(from?: OutboundModel) {
    this.records = new Map(from?.records);
  }

  decide(now: bigint, entries: readonly OutboundEntry[], options: OutboundOptions = {}): OutboundDecision {
    const looks = entries.map((entry) => lookAt(entry, this.found(entry.key, now), now));
    return options.pick ? this.pickOne(now, looks, options) : this.takeAll(now, looks, options);
  }

  sync(
    now: bigint,
    key: string,
    policy: OraclePolicy,
    report: Report,
  ): { result: EntryResult; synced: Synced } {
    const found = synced(this.found(key, now), now, policy, report);
    this.put(key, found.record);
    const { results } = this.decide(now, [{ key, policy, cost: 1 }], { peek: true });
    return { result: results[0]!, synced: found };
  }

  unblock(now: bigint, key: string): boolean {
    const record = this.found(key, now);
    const was = blockLeft(record, now) > 0n;
    if (record?.blocked !== undefined) this.put(key, written({ ...record, blocked: undefined }, now));
    return was;
  }

  /** Dropped where places are promised: they do not move. */
  refund(now: bigint, key: string, policy: OraclePolicy, cost: number): void {
    if (policy.shapes || cost === 0) return;
    const record = this.found(key, now);
    if (record === undefined) this.records.delete(key);
    else if (record.last === undefined || record.last <= now) {
      this.put(key, written({ ...record, level: lowered(record.level, cost) }, now));
    }
  }

  /** How many were put back: those that nobody has changed since. */
  undo(traces: readonly Trace[]): number {
    let undone = 0;
    for (const { key, before, after } of traces) {
      const record = this.records.get(key);
      if (record === undefined || !isSame(record, after)) continue;
      this.put(key, before);
      undone++;
    }
    return undone;
  }

  reset(key: string): void {
    this.records.delete(key);
  }

  stored(key: string): BucketRecord | undefined {
    return this.records.get(key);
  }

  private takeAll(now: bigint, looks: readonly Look[], options: OutboundOptions): OutboundDecision {
    const shared = sharedWait(looks);
    const margin = marginOf(looks, now);
    const seats = looks.map((look) => seat(look, shared));
    const admitted = seats.every(({ fits }) => fits);
    const results = seats.map((place) => report(place, admitted, shared, margin));
    const takes = admitted && !options.peek ? seats : [];
    const taken = takes.map(({ look, raised }) => this.take(now, look, raised, shared, options));
    const marks = looks.map((_, index) => (options.counted ? taken[index]?.mark : undefined));
    const traces = looks.some(({ waits }) => waits) ? taken.flatMap(({ trace }) => trace ?? []) : [];
    return { admitted, chosen: undefined, results, marks, traces };
  }

  private pickOne(now: bigint, looks: readonly Look[], options: OutboundOptions): OutboundDecision {
    const seats = looks.map((look) => seat(look, look.wait));
    const { index: chosen, by: pickedBy } = preferred(seats, options.pick?.prefer) ?? {};
    const alone = (look: Look) => this.takeAll(now, [look], { ...options, peek: true }).results[0]!;
    const results = seats.map((place, index) =>
      index === chosen
        ? alone(place.look)
        : report(place, false, place.look.wait, marginOf([place.look], now)),
    );
    if (chosen === undefined) {
      return { admitted: false, chosen, results, marks: looks.map(() => undefined), traces: [] };
    }
    const { marks, traces } = this.takeAll(now, [looks[chosen]!], options);
    const marked = looks.map((_, index) => (index === chosen ? marks[0] : undefined));
    return { admitted: true, chosen, pickedBy, results, marks: marked, traces };
  }

  private take(now: bigint, look: Look, raised: Rational, shared: bigint, { counted }: OutboundOptions) {
    const { entry, record, waits } = look;
    const { key, policy, cost } = entry;
    if (cost === 0) return { mark: markOf(record), trace: undefined };
    const { tokens, micros } = policy;
    const after: BucketRecord = {
      level: add(raised, whole(cost)),
      at: now,
      tokens,
      micros,
      last: later(record?.last, waits ? promisedAt(now + shared) : undefined),
      blocked: record?.blocked,
      count: counting(record, now, cost, counted === true),
    };
    const kept = written(after, now)!;
    this.records.set(key, kept);
    return { mark: markOf(kept), trace: { key, before: record, after: kept } };
  }

  /** A record ahead of the clock is moved back for good; one that has filled counts as none. */
  private found(key: string, now: bigint): BucketRecord | undefined {
    const stored = this.records.get(key);
    if (stored === undefined) return undefined;
    const record = rebased(stored, now);
    this.records.set(key, record);
    return isIdle(record, now) ? undefined : record;
  }

  private put(key: string, record: BucketRecord | undefined): void {
    if (record === undefined) this.records.delete(key);
    else this.records.set(key, record);
  }
}

function counting(record: BucketRecord | undefined, now: bigint, cost: number, counted: boolean) {
  const count = record?.count;
  if (count === undefined && !counted) return undefined;
  const sent = (count?.sent ?? 0n) + BigInt(cost);
  if (count === undefined || sent > MAX) return { since: now, sent: BigInt(cost), synced: 0n };
  return { ...count, sent };
}

function markOf(record: BucketRecord | undefined): Mark | undefined {
  return record?.count && { since: record.count.since, sent: record.count.sent };
}

function lowered(level: Rational, tokens: number): Rational {
  const left = add(level, whole(-tokens));
  return left.num > 0n ? left : whole(0);
}
