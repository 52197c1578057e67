import { randomBytes } from 'node:crypto';
import type { Take } from '../algorithms/kernel.js';
import type { LeaseRequest } from '../algorithms/lease.js';
import type { LeaseSpent } from '../algorithms/lease-holds.js';
import type { LeaseTerms } from '../algorithms/lease-terms.js';
import type { Scale } from '../algorithms/ticks.js';
import type { LeaseState } from '../stores/store.interface.js';
import { COLD_PART, HALF, LOW_PART, MOST_WAITERS, marginOf, PACE_MS, partAfter, targetFor } from './pace.js';
import { ShortAnswer } from './short-answer.js';

/** What tests replace, to show what goes wrong without it. */
export interface LeaseRules {
  readonly newId: () => string;
  /** How long before its expiry in the store a lease is spent no more, in milliseconds. */
  readonly marginOf: (ttlMs: number) => number;
}

/** When a call was sent, by both clocks, in milliseconds. */
export interface Sent {
  readonly now: number;
  readonly wall: number;
}

export const RULES: LeaseRules = {
  // 96 random bits: no two leases have one name, whoever has made them.
  newId: () => randomBytes(12).toString('base64url'),
  marginOf,
};

/** The lease of a bucket: what this process has taken ahead, and what it has spent of it. */
export class BucketLease {
  readonly id: string;
  readonly key: string;
  /** The last answer of the store; undefined until there is one. */
  state: LeaseState | undefined;
  /** What the store is being asked; undefined: nothing. Never rejects. */
  underWay: Promise<void> | undefined;
  /** When the store was asked last. */
  askedAt: number;
  /** When it was asked for what it has answered last. */
  private answeredFor = 0;
  /** Set where the last answer was less than was wanted: nothing more was free. */
  short: ShortAnswer | undefined;
  /** Whether it was returned, or is about to be. */
  isOver = false;
  /** Whole tokens that were spent since it began. It only grows: what was told to the store is never less later. */
  private total = 0;
  private told = 0;
  /** Up to this total may be spent, until `end`. */
  private spendable = 0;
  private end = Number.NEGATIVE_INFINITY;
  private wallEnd = Number.NEGATIVE_INFINITY;
  /** Tokens that were asked for since the store was, refused ones too. */
  private asked = 0;
  /** Which part of what it would take ahead it does: less where processes hold so much that too little drains. */
  private part = 1;
  /** Tokens that are waited for, and were not asked for yet. */
  private waiting = 0;
  /** All that wait for the next answer, and their tokens. */
  private waiters = 0;
  private awaited = 0;
  /** Below this it asks for more. */
  private low = 0;
  private readonly scale: Take['scale'];
  private readonly capacity: number;
  private readonly terms: LeaseTerms;

  /** `perMs`: how many tokens a millisecond were asked for before it began. */
  constructor(
    { key, scale, capacity, lease }: Take,
    now: number,
    private perMs: number,
    private readonly rules: LeaseRules,
  ) {
    this.id = rules.newId();
    this.key = key;
    this.scale = scale;
    this.capacity = capacity;
    this.terms = lease as LeaseTerms;
    this.askedAt = now;
  }

  /** Whole tokens that may still be spent. */
  get left(): number {
    return this.spendable - this.total;
  }

  /** Whether a take is of the limit that it was granted for: after a change another may be in force. */
  isOf({ scale, capacity, lease }: Pick<Take, 'scale' | 'capacity' | 'lease'>): boolean {
    return (
      lease === this.terms &&
      capacity === this.capacity &&
      scale.ticksPerToken === this.scale.ticksPerToken &&
      scale.ticksPerMicro === this.scale.ticksPerMicro
    );
  }

  /** Both clocks have to say so: one stands still on a machine that is suspended, the other may be set. */
  isValid(now: number, wall: number): boolean {
    return now < this.end && wall < this.wallEnd;
  }

  /** What was left at its end is not to be had any more: the store counts it as spent. */
  forfeit(): void {
    this.spendable = Math.min(this.spendable, this.total);
  }

  covers(cost: number): boolean {
    return this.total + cost <= this.spendable;
  }

  spend(cost: number): void {
    this.total += cost;
    this.asked += cost;
  }

  /** Asked for, and not spent of it. */
  note(cost: number): void {
    this.asked += cost;
  }

  /** Takes back what was spent and not told: so the store never hears of it, and it has not drained. */
  giveBack(tokens: number): boolean {
    if (this.underWay !== undefined || this.total - this.told < tokens) return false;
    this.total -= tokens;
    return true;
  }

  /** Whether little is left. */
  get isLow(): boolean {
    return this.left < this.low;
  }

  /** Whether the store may be asked for more: at the pace, where nothing was free. */
  mayAsk(now: number): boolean {
    return this.short === undefined || now >= this.askedAt + PACE_MS;
  }

  /**
   * Whether what it does not cover is refused: a moment ago nothing more was free, and the store is asked again at the pace, or is
   * being asked, and enough wait for what has come back since. Where its answer is late, what is known is too old to refuse by; but
   * those who wait already may want all that there can be.
   */
  refuses(now: number, cost: number): boolean {
    if (this.underWay !== undefined && this.awaited + cost > this.mostFree(now)) return true;
    if (this.short === undefined) return false;
    if (this.underWay === undefined) return !this.mayAsk(now);
    return this.waiters >= MOST_WAITERS && now < this.short.until + PACE_MS;
  }

  /** Tokens that may be free now, at the most, by an answer that was given after it was asked for: what others hold may be returned, and what they take only makes it fewer. */
  private mostFree(now: number): number {
    // Before the first answer nothing can be said of the bucket, so all wait for it.
    if (this.state === undefined) return Number.POSITIVE_INFINITY;
    const { ticksPerToken, ticksPerMicro } = this.scale;
    const drained = ticksPerMicro * Math.ceil((now - this.answeredFor) * 1000);
    const level = Math.max(0, Number(this.state.found.level) - drained);
    return Math.floor((this.capacity * ticksPerToken - level) / ticksPerToken);
  }

  /** When something is due, should nobody ask. */
  get due(): number {
    if (this.underWay !== undefined) return Number.POSITIVE_INFINITY;
    const isSpent = this.isLow && (this.asked > 0 || this.total > this.told);
    return this.askedAt + (isSpent ? PACE_MS : this.terms.ttlMs * HALF);
  }

  /** Whether it is asked for so seldom that it is given up. */
  isCold(now: number): boolean {
    const elapsed = now - this.askedAt;
    return (
      elapsed >= this.terms.ttlMs * HALF && this.asked * 1000 < this.terms.perSecond * COLD_PART * elapsed
    );
  }

  /** Somebody waits for so many tokens of the next answer. */
  wait(tokens: number): void {
    this.waiting += tokens;
    this.awaited += tokens;
    this.waiters++;
  }

  /** What to ask for: for those who wait, and ahead. */
  request({ now, wall }: Sent): LeaseRequest {
    const elapsed = now - this.askedAt;
    if (!this.isValid(now, wall)) this.forfeit();
    // Measured over a pace at least, or one request in no time would seem to be thousands.
    if (this.state !== undefined) this.perMs = (this.asked + this.waiting) / Math.max(elapsed, PACE_MS / 2);
    const ahead = Math.ceil(this.part * targetFor(this.perMs, this.capacity, this.terms));
    const target = Math.max(ahead, this.waiting);
    this.waiting = 0;
    this.low = Math.max(1, target * LOW_PART);
    this.askedAt = now;
    this.asked = 0;
    this.told = this.total;
    return this.ask(Math.max(0, target - Math.max(this.left, 0)), false);
  }

  /** Ends it: nothing is spent of it after this. Answers what to tell the store. */
  stop(): LeaseSpent {
    this.isOver = true;
    this.end = Number.NEGATIVE_INFINITY;
    return { id: this.id, total: this.total };
  }

  /** What returns it to the store; undefined where the store holds nothing of it. */
  returning(): LeaseRequest | undefined {
    const { id, total } = this.stop();
    const isNothing = this.state === undefined || (this.state.total === this.told && total === this.told);
    return isNothing ? undefined : { ...this.ask(0, true), id, total };
  }

  /** What the store has answered to a request that was sent then. */
  granted(request: LeaseRequest, state: LeaseState, sent: Sent): void {
    this.state = state;
    this.answeredFor = sent.now;
    this.answered();
    if (this.isOver) return;
    const held = Math.max(this.spendable - request.total, 0);
    const lasts = this.terms.ttlMs - this.rules.marginOf(this.terms.ttlMs);
    this.spendable = state.total;
    this.end = sent.now + lasts;
    this.wallEnd = sent.wall + lasts;
    const isShort = request.wanted > 0 && state.total < request.total + held + request.wanted;
    this.part = partAfter(this.part, isShort && drainsTooLittle(state, this.scale));
    this.short = isShort ? new ShortAnswer(state, this.id, sent.now + PACE_MS) : undefined;
  }

  /** Nobody waits for it any more. */
  answered(): void {
    this.underWay = undefined;
    this.waiters = 0;
    this.awaited = 0;
  }

  private ask(wanted: number, returns: boolean): LeaseRequest {
    const { id, total, scale, capacity } = this;
    return { id, total, wanted, ttlMicros: this.terms.ttlMs * 1000, scale, capacity, returns };
  }
}

/** Only what is in the level drains: where nothing is free and that is less than a pace's worth, some of the rate is lost. */
const drainsTooLittle = ({ found }: LeaseState, { ticksPerMicro }: Scale): boolean =>
  found.level < ticksPerMicro * PACE_MS * 1000;
