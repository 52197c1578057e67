// What leases are for, in figures: simulated, so they do not depend on the machine. docs/leases.md shows them.
import { expect, it } from '@jest/globals';
import { tokenBucket } from '../../../lib/options/make-policy.js';
import { type Process, Stage } from '../../support/leases/stage.js';

const SECOND = 1_000_000;
const RATE = 50_000;

/** So many processes that are asked for one key at a constant rate; a call of the store takes a third of a millisecond. */
async function saturate(capacity: number, processes: number, perSecond: number) {
  const stage = new Stage('none', [tokenBucket({ capacity, rate: RATE, lease: true }).limit!]);
  const network = { isLost: () => false, delay: () => 150 + (stage.events.now % 40), again: () => undefined };
  const gap = (SECOND * processes) / perSecond;
  const live = (process: Process, time: number) => {
    stage.take(process.store, 1);
    stage.events.at(time + gap, () => live(process, time + gap));
  };
  for (let i = 0; i < processes; i++) {
    const process = stage.process(0, network);
    stage.events.at((gap / processes) * i, () => live(process, (gap / processes) * i));
  }
  await stage.run(SECOND / 2);
  const [spentBefore, commandsBefore] = [stage.spends.tokens, stage.figures.commands];
  await stage.run((SECOND * 3) / 2);
  const sent = stage.figures.commands - commandsBefore;
  return {
    excess: stage.figures.excess,
    perCommand: perSecond / sent,
    used: (stage.spends.tokens - spentBefore) / RATE,
  };
}

it.each([
  [5000, 4, 60_000, 200],
  [5000, 4, 200_000, 200],
  // Twice what drains in a pace.
  [1600, 4, 60_000, 50],
  [1600, 4, 200_000, 200],
  [5000, 16, 60_000, 50],
])(
  'of capacity %d and 50,000/s, %d processes that are asked %d times a second use 99%%, with %d decisions a command and more',
  async (capacity, processes, perSecond, least) => {
    const { excess, used, perCommand } = await saturate(capacity, processes, perSecond);
    expect(excess).toBe(0);
    expect(used).toBeGreaterThan(0.99);
    expect(perCommand).toBeGreaterThan(least);
  },
  60_000,
);

it('refuses nobody while less is asked for than comes back', async () => {
  const { used, perCommand } = await saturate(5000, 4, 40_000);
  expect(used).toBeCloseTo(0.8, 3);
  expect(perCommand).toBeGreaterThan(200);
}, 60_000);
