import type { Transaction } from '../store.interface.js';

/** A take that writes, as any other, and whose bucket is drained a microsecond later: no record stays. */
export const probeOf = (key: string): Transaction => ({
  takes: [
    {
      key,
      scale: { ticksPerMicro: 1, ticksPerToken: 1 },
      capacity: 1,
      cost: 1,
      // Where the clock stands still, as it does for tests, probes add up.
      allowance: Number.MAX_SAFE_INTEGER - 1,
      startLevel: undefined,
      promises: false,
    },
  ],
});
