import { expect, it } from '@jest/globals';
import { algorithms } from '../../lib/algorithms/index.js';
import type { Change } from '../../lib/algorithms/kernel.js';
import type { Limit } from '../../lib/algorithms/limit.js';
import type { Mark } from '../../lib/algorithms/record.js';
import { newReservationId } from '../../lib/limiter/reservation.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Store, Transaction } from '../../lib/stores/store.interface.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const SECOND = 1_000_000;
const stores = useStores();

/** All of them read one bucket: other capacities, rates and scales, near the end of what can be counted, and shaping. */
const limits = [
  tokenBucket({ capacity: 10, rate: '1/s' }),
  tokenBucket({ capacity: 20, rate: '7/s' }),
  tokenBucket({ capacity: 10, rate: '3/s' }),
  tokenBucket({ capacity: 1_000_000, rate: '999983/day' }),
  leakyBucket({ capacity: 10, rate: '1/s' }),
].map(({ limit }) => limit!);

/** What the last decisions have told. */
interface Told {
  readonly changes: readonly Change[];
  readonly marks: readonly (Mark | undefined)[];
}

interface Given {
  readonly key: string;
  readonly id: string;
}

/** A random call of a store, the same for each. */
function call(
  random: Random,
  open: Given[],
  { changes, marks }: Told,
  usual: Limit,
  steps: boolean,
): (store: Store) => unknown {
  const key = () => `b:{${random.below(2)}}`;
  const kind = random.below(12);
  if (kind < 5) {
    const transactions = Array.from({ length: 1 + random.below(2) }, () =>
      transaction(random, open, usual, steps),
    );
    return (store) => store.decide(transactions);
  }
  if (kind < 9 && open.length > 0) {
    const { key, id } = random.pick(open);
    const cost = random.pick([0, 1, random.below(12), random.below(40), Number.MAX_SAFE_INTEGER]);
    const maxDebt = random.pick([undefined, 0, 5, Number.MAX_SAFE_INTEGER]);
    const lowers = random.chance(0.9);
    return (store) => store.settle(key, { id, cost, maxDebt, lowers });
  }
  const [at, tokens, block] = [key(), 1 + random.below(8), random.pick([0, 0, SECOND])];
  const { scale } = random.pick(limits);
  const report = {
    scale,
    missing: random.below(10),
    mark: random.pick([...marks, undefined]),
    lowers: true,
    block,
  };
  if (kind === 9) return async (store) => void (await store.refund(at, tokens));
  if (kind === 10) return (store) => store.report(at, report);
  if (random.chance(0.3)) return async (store) => void (await store.reset(at));
  return (store) => store.undo(changes);
}

function transaction(random: Random, open: Given[], usual: Limit, steps: boolean): Transaction {
  const keys = random.chance(0.3) ? ['b:{0}', 'b:{1}'] : [`b:{${random.below(2)}}`];
  const takes = keys.map((key) => {
    const limit = random.chance(0.9) ? usual : random.pick(limits);
    const patience = random.chance(0.2) ? {} : undefined;
    const take = algorithms[limit.algorithm](limit, key, random.below(6), patience);
    if (random.chance(0.4)) return take;
    const id = newReservationId();
    open.push({ key, id });
    return {
      ...take,
      reserve: { id, ttlMicros: steps ? 600 * SECOND : random.pick([SECOND, 600 * SECOND]) },
    };
  });
  return { takes, revocable: true, peek: random.chance(0.1), counted: random.chance(0.2) };
}

/** Without what differs: when it was, and where. */
const plain = (reply: unknown): unknown =>
  JSON.parse(
    JSON.stringify(reply ?? null, (name, value) =>
      HIDDEN.has(name) ? undefined : typeof value === 'bigint' ? `${value}` : value,
    ),
  );
const HIDDEN = new Set(['decidedAt', 'source', 'record', 'marks']);

it('memory and Redis agree on every record, whatever comes between a reservation and its settlement', async () => {
  let [settled, counted, ended] = [0, 0, 0];
  for (let seed = 1; seed <= 40; seed++) {
    const [random, steps] = [new Random(seed), seed % 2 === 0];
    const clock = new ManualClock(START);
    const [memory, redis] = stores.names.map((name) => stores.make(name, clock)) as [Store, Store];
    const open: Given[] = [];
    let told: Told = { changes: [], marks: [] };
    for (let i = 0; i < 60; i++) {
      clock.now += random.pick([0, 1, 1000, random.below(SECOND), random.below(5 * SECOND)]);
      if (steps && random.chance(0.1)) clock.now -= random.below(5 * SECOND);
      const ask = call(random, open, told, limits[seed % limits.length]!, steps);
      const [ours, theirs] = [await ask(memory), await ask(redis)];
      expect(plain(theirs)).toEqual(plain(ours));
      if (Array.isArray(ours)) {
        const [changes, marks] = [ours.flatMap((reply) => reply.changes), ours.flatMap(({ marks }) => marks)];
        told = { changes, marks };
      }
      const { changes } = told;
      if (changes.some(({ before, after }) => before?.reserved && !after.reserved)) ended++;
      if (changes.some(({ after }) => after.returned)) counted++;
      if (typeof ours === 'object' && ours !== null && 'ticks' in ours && ours.ticks !== 0) settled++;
    }
  }
  expect(Math.min(settled, counted, ended)).toBeGreaterThan(10);
});
