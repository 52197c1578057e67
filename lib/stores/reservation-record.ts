import type { BucketRecord } from '../algorithms/record.js';
import type { Reserved } from '../algorithms/settlement.js';

/**
 * A reservation in a store that keeps records and nothing else: the record that its take has left, blocked for as long as
 * it can be settled, with the cost and the capacity in place of what was sent and synced.
 */
export function recordOfReserved({ cost, capacity, until, ...rest }: Reserved): BucketRecord {
  return { ...rest, blocked: until, since: rest.at, sent: cost, synced: capacity };
}

export function reservedOf(record: BucketRecord): Reserved {
  const { level, at, ticksPerToken, ticksPerMicro, blocked = 0, sent = 0, synced = 0 } = record;
  const { reserved, returned = 0, lost = 0 } = record;
  const count = { reserved, returned, lost };
  return { cost: sent, capacity: synced, level, at, ticksPerToken, ticksPerMicro, until: blocked, ...count };
}
