import { describe, expect, it } from '@jest/globals';
import { effort } from '../support/effort.js';
import { ManualClock } from '../support/manual-clock.js';
import { runOutbound } from '../support/oracle/outbound-differential.js';
import { outboundSubject } from '../support/outbound-subject.js';
import { useStores } from '../support/stores.js';

// One for every 20 of the other suites: these are sequential, for a report carries what an earlier reply has said.
const OPERATIONS = Math.ceil(Number(process.env.FLOODGATE_OPERATIONS ?? effort(80_000, 2_000_000)) / 20);
const TIMEOUT = 60_000 + 20 * OPERATIONS;
const SEED = Number(process.env.FLOODGATE_SEED ?? 20_260_101);

const stores = useStores();

function run(name: string, seed: number, stepsBack: boolean) {
  const clock = new ManualClock(0);
  const subject = outboundSubject(stores.make(name, clock), clock);
  return runOutbound(subject, { seed, operations: OPERATIONS, stepsBack });
}

describe.each(stores.names)('blocks, reports, waiting and picks, on %s', (name) => {
  it(
    'are those of an independent model in exact rationals',
    async () => {
      const { rebased, rebasedWithBlock, rebasedForever, ...coverage } = await run(name, SEED, false);
      expect([rebased, rebasedWithBlock, rebasedForever]).toEqual([0, 0, 0]);
      // The run is worth its time only if everything that can happen did.
      for (const [what, times] of Object.entries(coverage))
        expect([what, times > OPERATIONS / 2000]).toEqual([what, true]);
    },
    TIMEOUT,
  );

  it(
    'are those of the model when the clock steps back',
    async () => {
      const coverage = await run(name, SEED + 1, true);
      for (const [what, times] of Object.entries(coverage))
        expect([what, times > OPERATIONS / 2000]).toEqual([what, true]);
    },
    TIMEOUT,
  );
});
