import { MAX_TICKS, type Scale } from './ticks.js';

/**
 * Ticks that have left a bucket otherwise than by draining, counted since its first reservation: a settlement must not
 * give back what is gone already. Reservations of another count, before the bucket was full, under another scale or before
 * a report has set the level, give nothing back.
 */
export interface Outflow {
  /** The id of the reservation that the count begins with; undefined: nothing is counted. */
  readonly reserved?: string | undefined;
  /** What settlements have given back. */
  readonly returned?: number | undefined;
  /** What was refunded, or has drained in a time that the clock has gone back over. */
  readonly lost?: number | undefined;
}

export const NOT_COUNTED: Outflow = { reserved: undefined, returned: undefined, lost: undefined };

export const beginOutflow = (id: string): Outflow => ({ reserved: id, returned: 0, lost: 0 });

/** A count with so much more in it. What would pass 2^53 ends it. */
export function outflowWith(
  { reserved, returned = 0, lost = 0 }: Outflow,
  more: { readonly returned?: number; readonly lost?: number },
): Outflow {
  if (reserved === undefined) return NOT_COUNTED;
  const after = { reserved, returned: returned + (more.returned ?? 0), lost: lost + (more.lost ?? 0) };
  return after.returned > MAX_TICKS || after.lost > MAX_TICKS ? NOT_COUNTED : after;
}

/** The count of a record as one of another scale has it: ticks of two sizes, and of two rates, do not add up. */
export function outflowUnder(record: (Outflow & Scale) | undefined, scale: Scale): Outflow {
  const isSame =
    record?.ticksPerToken === scale.ticksPerToken && record.ticksPerMicro === scale.ticksPerMicro;
  return isSame ? outflowWith(record, {}) : NOT_COUNTED;
}
