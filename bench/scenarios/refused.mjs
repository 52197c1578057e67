// Keys that are refused already, and ask on.
import { digits, withSpread } from '../lib/cells.mjs';
import { KEYS } from '../lib/keys.mjs';
import { withContenders } from '../lib/side-by-side.mjs';
import { ratios, spread } from '../lib/statistics.mjs';
import { column, inTurns } from '../lib/turns.mjs';
import { FLEXIBLE, OURS } from './contenders.mjs';

const PEER = `${FLEXIBLE}, inMemoryBlockOnConsumed`;
const IN_FLIGHT = 16;
/** What is refused here is answered at once; replies of Redis are read in between. */
const BREATHE = 16;
/** Longer than what an instance keeps in mind, so that it asks again within a turn. */
const SECONDS = 2;

const contenders = [
  { title: OURS, module: 'ours', name: 'refused' },
  { title: PEER, module: 'peers', name: 'flexibleRefused' },
];

/** @param {import('../lib/turns.mjs').Effort} effort */
export async function refused(effort) {
  const results = await withContenders(contenders, (open) => inTurns([...open.values()], effort, attack));
  const byTitle = new Map([...results].map(([{ title }, turns]) => [title, turns]));
  const [ours, theirs] = [byTitle.get(OURS), byTitle.get(PEER)];
  const rows = [...byTitle].map(([title, turns]) => [
    title,
    ...['cpu', 'perCpuSecond', 'perSecond'].map((name) => withSpread(column(turns, name))),
    digits(spread(column(turns, 'commands')).median),
  ]);
  const head = ['', 'CPU µs', 'per CPU-second', 'per second', 'commands per key and second'];
  return {
    tables: [{ title: `Refused keys: ${KEYS.toLocaleString('en-US')} keys without a token`, head, rows }],
    figures: {
      'refused.commands': spread(column(ours, 'commands')),
      'refused.perCpuSecond': spread(column(ours, 'perCpuSecond')),
      'refused.flexible': ratios(column(theirs, 'cpu'), column(ours, 'cpu')),
    },
  };
}

/** What a turn has cost, and how often a key was asked for at the server. */
async function attack(contender) {
  // The first call finds out how many make a turn, and what it has sent does not count.
  await contender.count(IN_FLIGHT, SECONDS * 1000, BREATHE);
  const before = await contender.child.ask('scriptCalls');
  const start = performance.now();
  const turn = await contender.turn(IN_FLIGHT, SECONDS * 1000, BREATHE);
  // With the part of the turn that is not measured.
  const seconds = (performance.now() - start) / 1000;
  const sent = (await contender.child.ask('scriptCalls')) - before;
  return { ...turn, perCpuSecond: 1e6 / turn.cpu, commands: sent / KEYS / seconds };
}
