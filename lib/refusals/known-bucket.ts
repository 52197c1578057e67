import { fits, ownWait, type Take } from '../algorithms/kernel.js';
import type { Found } from '../algorithms/level.js';
import { FOREVER } from '../algorithms/record.js';
import type { Scale } from '../algorithms/ticks.js';
import type { TransactionReply } from '../stores/store.interface.js';

/** How far two clocks are taken to run apart, as a part of the time: the most by which NTP corrects one. */
const DRIFT = 500e-6;

/** A reply, and when it was asked for, in milliseconds of `performance.now()`. */
export interface Told extends Pick<TransactionReply, 'source' | 'now' | 'decidedAt'> {
  readonly sent: number;
}

/**
 * How a bucket was found by a take that was refused. A level falls by its rate and no faster, so for some time it is known
 * that the bucket refuses without asking again. Takes of others only raise it.
 */
export class KnownBucket {
  constructor(
    private readonly scale: Scale,
    private readonly found: Found,
    readonly told: Told,
    /** Until when this is believed, in milliseconds of `performance.now()`. */
    readonly until: number,
  ) {}

  /** Whether it speaks of the take's limit. Under another rate the level may fall faster. */
  isOf({ scale }: Pick<Take, 'scale'>): boolean {
    const { ticksPerToken, ticksPerMicro } = this.scale;
    return scale.ticksPerToken === ticksPerToken && scale.ticksPerMicro === ticksPerMicro;
  }

  /** Whether the store would refuse a take as well: it has decided after the call was sent, so less has drained there. */
  refuses(take: Take, at: number): boolean {
    const least = this.after(Math.ceil((at - this.told.sent) * 1000 * (1 + DRIFT)));
    return !fits(take, least, ownWait(take, least));
  }

  /**
   * The level for a take that is certainly refused, where that is all there is to say: as `at` has it. Undefined where the store may
   * admit it, or the bucket is blocked.
   */
  levelFor({ allowance }: Pick<Take, 'allowance'>, at: number): number | undefined {
    const { level, block } = this.found;
    if (block !== 0) return undefined;
    const { ticksPerMicro } = this.scale;
    const ticks = Number(level);
    const drained = ticksPerMicro * Math.ceil((at - this.told.sent) * 1000 * (1 + DRIFT));
    if (Math.max(0, ticks - drained) <= allowance) return undefined;
    return Math.max(0, ticks - ticksPerMicro * microsSince(this.told, at));
  }

  /** The bucket as it is at most: it was decided before `decidedAt`, so no less has drained since. No wait ends too soon by it. */
  at(at: number): Found {
    return this.after(microsSince(this.told, at));
  }

  /** The store's time, in microseconds, by what it has told. */
  timeAt(at: number): number {
    return this.told.now + Math.max(0, Math.floor((at - this.told.decidedAt) * 1000));
  }

  private after(micros: number): Found {
    const { level, block, blockEnd, stepped } = this.found;
    const left = block === FOREVER ? FOREVER : Math.max(0, block - micros);
    return {
      level: Math.max(0, Number(level) - this.scale.ticksPerMicro * micros),
      block: left,
      blockEnd: left === 0 ? 0 : blockEnd,
      stepped,
    };
  }
}

/** No more than have passed since it was decided. */
const microsSince = ({ decidedAt }: Told, at: number): number =>
  Math.max(0, Math.floor((at - decidedAt) * 1000 * (1 - DRIFT)));
