import type { BucketRecord } from './bucket-record.js';
import { toMs } from './oracle.js';
import type { Patience } from './outbound-entry.js';
import {
  type DecideEntry,
  fillMicros,
  type OutboundOperation,
  outboundPolicies,
  type Place,
  type Reference,
  tokenMicros,
} from './outbound-scenario.js';
import type { Random } from './scenario.js';

/** Of what is drawn, all that was possible to know before. */
export interface Known {
  stored(key: string): BucketRecord | undefined;
}

/** What may be referred to later: the marks and the places that a decision has given. */
export interface Given {
  readonly admitted: boolean;
  readonly retryAfterMs: readonly (number | null)[];
  readonly marked: readonly boolean[];
  readonly traced: boolean;
}

const LARGEST = Number.MAX_SAFE_INTEGER;
const START = Date.UTC(2100, 0) * 1000;
/** Leaves room below 2^53 for what is still to fill. */
const END = Date.UTC(2160, 0) * 1000;
const KEYS = ['one', 'two', 'three', 'four'];
const HOUR = 3_600_000_000;
const LONG = 100 * HOUR;

/** Traffic that looks for the moments and numbers at which something changes. */
export class OutboundTraffic {
  private now = START;
  private index = 0;
  private homes: number[] = [];
  private left = 0;
  private focus = 0;
  private again: ((at: number) => OutboundOperation) | undefined;
  private retryAt = 0;
  private readonly marks = new Map<string, Reference[]>(KEYS.map((key) => [key, []]));
  private readonly places: number[] = [];

  constructor(
    private readonly random: Random,
    private readonly known: Known,
    private readonly stepsBack: boolean,
  ) {}

  next(): OutboundOperation {
    if (this.left-- === 0 || this.homes.length === 0) this.settle();
    if (this.again && this.random.chance(0.4)) {
      const { again } = this;
      this.again = undefined;
      this.moveTo(this.retryAt + this.random.pick([0, 0, 0, -1, 1]));
      return again(this.now);
    }
    this.moveTo(this.later());
    return this.draw();
  }

  learn(operation: OutboundOperation, given: Given): void {
    const index = this.index++;
    if (operation.kind !== 'decide') return;
    operation.entries.forEach(({ key }, entry) => {
      if (given.marked[entry]) this.marks.get(key)!.push({ operation: index, entry });
    });
    if (given.traced) this.places.push(index);
    const waits = given.retryAfterMs.filter((ms) => ms !== null);
    if (given.traced && this.random.chance(0.3)) this.followUp(operation);
    const wait = 1000 * (operation.pick ? Math.min(...waits) : Math.max(...waits));
    if (given.admitted || waits.length === 0 || wait > LONG) return;
    this.retryAt = operation.at + wait;
    this.again = (at) => ({ ...operation, at, peek: false });
  }

  /** Others come while its start lies ahead. */
  private followUp({ at, entries }: OutboundOperation & { kind: 'decide' }): void {
    const { key, policy } = this.random.pick(entries);
    const mark = this.marks.get(key)!.at(-1);
    const { capacity } = outboundPolicies[policy]!;
    this.retryAt = at;
    this.again = this.random.chance(0.5)
      ? (now) => ({ kind: 'sync', at: now, key, policy, remaining: capacity, ...(mark ? { mark } : {}) })
      : (now) => ({ kind: 'refund', at: now, key, policy, cost: 1 });
  }

  /** Each key is a bucket of one policy for a while, so that it really fills; others look in. */
  private settle(): void {
    const { random } = this;
    this.left = 60 + random.below(90);
    this.focus = random.below(outboundPolicies.length);
    // Mostly all of one policy: only equals are decided by preference, by room or by their order.
    this.homes = KEYS.map(() => (random.chance(0.85) ? this.focus : random.below(outboundPolicies.length)));
  }

  private draw(): OutboundOperation {
    const { random, now: at } = this;
    const roll = random.unit();
    const place = this.place(this.keys(1)[0]!);
    if (roll < 0.43) return this.take(random.chance(0.8) ? 1 : 2);
    if (roll < 0.48) return { ...this.take(random.chance(0.8) ? 1 : 2), peek: true };
    if (roll < 0.58) return this.pick();
    if (roll < 0.82) return this.sync(place);
    if (roll < 0.86) return { kind: 'unblock', at, ...this.blockedPlace(place) };
    if (roll < 0.9) return { kind: 'refund', at, ...place, cost: this.cost(place) };
    if (roll < 0.915) return { kind: 'reset', at, ...place };
    return this.places.length > 0 ? { kind: 'undo', at, of: this.leavers() } : this.take(1);
  }

  private take(count: number) {
    const { random, now: at } = this;
    const entries = this.keys(count).map((key) => this.entry(key, random.chance(0.5)));
    return { kind: 'decide' as const, at, entries, peek: false, counted: random.chance(0.7) };
  }

  private pick(): OutboundOperation {
    const { random, now: at } = this;
    const keys = this.keys(2 + random.below(3));
    const patient = random.chance(0.5);
    const common = this.entry(keys[0]!, patient);
    const entries = keys.map((key) => {
      // Mostly one question to several credentials.
      return random.chance(0.8) ? { ...common, ...this.place(key) } : this.entry(key, patient);
    });
    const prefer = random.below(keys.length);
    const pick = random.chance(0.5) ? { prefer } : {};
    return { kind: 'decide', at, entries, peek: random.chance(0.1), counted: random.chance(0.8), pick };
  }

  private sync({ key, policy }: Place): OutboundOperation {
    const { random, now: at } = this;
    const { capacity } = outboundPolicies[policy]!;
    const left = Math.max(0, capacity - this.levelOf(key));
    const near = Math.max(0, left + random.below(5) - 2);
    const above = Math.min(LARGEST, capacity + random.spread(10));
    const remaining = random.pick([left, near, near, random.spread(capacity), 0, capacity, above]);
    const says = random.below(10);
    const mark = this.markFor(key);
    const marked = mark ? { mark } : {};
    const report = { kind: 'sync' as const, at, key, policy, ...marked };
    if (says < 6) return { ...report, remaining };
    if (says < 7) return { ...report, ...this.blockFor(policy) };
    if (says < 9) return { ...report, remaining, ...this.blockFor(policy) };
    return { ...report, remaining, retryAfterMs: 0 };
  }

  private blockFor(policy: number): { retryAfterMs: number } | { forever: true } {
    const { random } = this;
    if (random.chance(0.1)) return { forever: true };
    const token = tokenMicros(policy);
    const micros = random.pick([
      1000,
      token,
      3 * token,
      fillMicros(policy) / 2,
      2 * fillMicros(policy),
      HOUR,
    ]);
    return { retryAfterMs: Math.min(Math.ceil((micros * random.unit()) / 1000) || 1, 1e9) };
  }

  /** The latest, one of the last few, one of long ago, or of another bucket: no mark is of a bucket that is gone. */
  private markFor(key: string): Reference | undefined {
    const { random } = this;
    const marks = this.marks.get(key)!;
    if (marks.length === 0 || random.chance(0.15)) return undefined;
    if (random.chance(0.03)) return this.marks.get(random.pick(KEYS))!.at(-1);
    const back = random.pick([1, 1, 2, 1 + random.below(4), 1 + random.below(20)]);
    return marks.at(-Math.min(back, marks.length));
  }

  private leavers(): number[] {
    const { random, places } = this;
    const latest = places.slice(-1 - random.below(3)).reverse();
    if (random.chance(0.5)) return latest.slice(0, 1);
    if (random.chance(0.5)) return latest;
    return places.slice(-1 - random.below(10)).slice(0, 1);
  }

  private entry(key: string, patient: boolean): DecideEntry {
    const place = this.place(key);
    const entry = { ...place, cost: this.cost(place) };
    return patient ? { ...entry, patience: this.patience(place.policy) } : entry;
  }

  private patience(policy: number): Patience {
    const { random } = this;
    const kind = random.below(10);
    if (kind < 5) return {};
    if (kind === 5) return { maxWaitMicros: 0 };
    if (kind === 6) return { maxWaitMicros: LARGEST };
    const most = Math.min(4 * fillMicros(policy), LONG);
    return { maxWaitMicros: kind < 9 ? random.below(most) : random.spread(most) };
  }

  private cost({ key, policy }: Place): number {
    const { random } = this;
    const { capacity } = outboundPolicies[policy]!;
    const left = Math.max(1, capacity - this.levelOf(key));
    if (random.chance(0.06)) return 0;
    if (random.chance(0.03)) return Math.min(capacity + 1, LARGEST);
    return Math.min(
      capacity,
      random.pick([1, 1, 1, 2, left, left + 1, Math.ceil(capacity / 2), random.spread(capacity)]),
    );
  }

  private place(key: string): Place {
    const home = this.homes[KEYS.indexOf(key)]!;
    return { key, policy: this.random.chance(0.93) ? home : this.random.below(outboundPolicies.length) };
  }

  /** One that is blocked without an end would be of no more use. */
  private blockedPlace(place: Place): Place {
    const blocks = KEYS.map((key) => this.known.stored(key)?.blocked ?? 0n);
    const longest = blocks.reduce((a, b) => (a > b ? a : b));
    if (longest === 0n || this.random.chance(0.2)) return place;
    return { ...place, key: KEYS[blocks.indexOf(longest)]! };
  }

  /** Half of the time the first, so that one thing comes after another. */
  private keys(count: number): string[] {
    const keys = [...KEYS];
    const draw = () => (this.random.chance(0.4) ? 0 : this.random.below(keys.length));
    return Array.from({ length: count }, () => keys.splice(draw(), 1)[0]!);
  }

  /** In whole tokens, when it was written. */
  private levelOf(key: string): number {
    const { num, den } = this.known.stored(key)?.level ?? { num: 0n, den: 1n };
    return Number(num / den);
  }

  private later(): number {
    const { random, now } = this;
    const [token, fill] = [tokenMicros(this.focus), fillMicros(this.focus)];
    const roll = random.unit();
    if (roll < 0.5) return now;
    if (roll < 0.58) return now + random.below(4);
    if (roll < 0.78) return now + token * random.pick([random.unit(), 2 * random.unit()]);
    if (roll < 0.84) return random.pick(this.edges()) + random.pick([0, 0, 0, 0, -1, 1]);
    if (roll < 0.88) return now + (fill / 2) * random.unit();
    if (roll < 0.89) return now + 3 * fill;
    if (!this.stepsBack || roll < 0.96) return now + (fill / 10) * random.unit();
    return now - random.pick([1, 1000, token, fill * random.unit()]);
  }

  /** Ends of blocks, promised starts, and full times. */
  private edges(): number[] {
    const times = KEYS.flatMap((key) => {
      const { last, blocked, level, at, tokens, micros } = this.known.stored(key) ?? {};
      const full = level && at! + (level.num * micros! + tokens! * level.den - 1n) / (tokens! * level.den);
      return [last, last, blocked, blocked, full].flatMap((time) =>
        time === undefined ? [] : [Number(time)],
      );
    });
    const ahead = times.filter((time) => time > this.now && time < this.now + LONG);
    return ahead.length > 0 ? ahead : [this.now];
  }

  private moveTo(at: number): void {
    const back = this.stepsBack ? START : this.now;
    const next = Math.floor(Math.max(at, back));
    if (next > END) throw new Error(`at ${toMs(BigInt(next))} ms the run has no time left`);
    this.now = next;
  }
}
