import type { Take } from '../../algorithms/kernel.js';
import { type Bench, bucket, line, SECOND, same, take, token } from './bench.js';
import type { Cases } from './cases.js';

const limit = token(3, 1);
const P = limit.scale.ticksPerToken;
const TTL = 60 * SECOND;

const reserved = (one: Take, id: string): Take => ({ ...one, reserve: { id, ttlMicros: TTL } });
const idOf = (letter: string): string => letter.repeat(16);

/** The ticks by which a settlement has raised the level; undefined where it was none. */
async function settle(
  bench: Bench,
  letter: string,
  cost: number,
  maxDebt?: number,
): Promise<number | undefined> {
  const actual = { id: idOf(letter), cost, maxDebt, lowers: true };
  return (await bench.store.settle(bucket('a'), actual))?.ticks;
}

export const settlingCases: Cases = {
  'settles a reservation once, with the difference': async (bench) => {
    await bench.decide([reserved(take(limit, 'a', 3), idOf('x'))]);
    same(await settle(bench, 'y', 0), undefined, 'an id that is not known');
    same(await settle(bench, 'x', 1), -2 * P, 'two tokens are given back');
    same(await settle(bench, 'x', 1), undefined, 'once');
    same(await bench.level(limit, 'a'), P, 'one was used');
  },

  'reserves nothing where a take is refused, or only peeks': async (bench) => {
    await bench.decide([reserved(take(limit, 'a', 4), idOf('x'))]);
    await bench.decide([reserved(take(limit, 'a', 3), idOf('y'))], { peek: true });
    same(
      [await settle(bench, 'x', 0), await settle(bench, 'y', 0)],
      [undefined, undefined],
      'nothing to settle',
    );
  },

  'charges what a reserved take has cost more, past the capacity, as far as the debt may go': async (
    bench,
  ) => {
    for (const letter of 'xyz') await bench.decide([reserved(take(limit, 'a'), idOf(letter))]);
    same(await settle(bench, 'x', 2, 1), P, 'one token more');
    same(await settle(bench, 'y', 9, 1), 0, 'the debt is as large as it may be');
    same(await settle(bench, 'z', 9), 2 * P, 'as large as the capacity, if nothing is said');
    same(await bench.admits(1, take(limit, 'a')), [false], 'nothing is admitted until it has drained');
    bench.move(4 * SECOND);
    same(await bench.admits(2, take(limit, 'a')), [true, false], 'then as before');
  },

  'gives back no more than has certainly not drained since': async (bench) => {
    await bench.decide([reserved(take(limit, 'a', 3), idOf('x'))]);
    bench.move(3 * SECOND);
    await bench.decide([reserved(take(limit, 'a', 3), idOf('y'))]);
    same(await settle(bench, 'x', 0), 0, 'the first three have drained');
    bench.move(SECOND);
    same(await settle(bench, 'y', 0), -2 * P, 'one of the others has');
  },

  'gives back nothing that was refunded, or has gone with its bucket': async (bench) => {
    await bench.decide([reserved(take(limit, 'a', 2), idOf('x')), reserved(take(limit, 'b', 2), idOf('y'))]);
    await bench.store.refund(bucket('a'), 1);
    await bench.decide([take(limit, 'a')]);
    same(await settle(bench, 'x', 0), -P, 'one was refunded already');
    await bench.decide([reserved(take(limit, 'a'), idOf('z'))]);
    await bench.store.reset(bucket('a'));
    await bench.decide([take(limit, 'a', 3)]);
    same(await settle(bench, 'z', 0), 0, 'the bucket is another');
  },

  'gives back nothing while somebody waits, nor where it is not to be lowered': async (bench) => {
    await bench.decide([reserved(take(limit, 'a', 3), idOf('x'))]);
    await bench.decide([take(limit, 'a', 1, {})]);
    same(await settle(bench, 'x', 0), 0, 'what was promised does not move');
    await bench.decide([reserved(take(line(9, 1), 'b', 3), idOf('y'))]);
    const actual = { id: idOf('y'), cost: 0, maxDebt: undefined, lowers: false };
    same((await bench.store.settle(bucket('b'), actual))?.ticks, 0, 'places in a line do not move');
  },

  'lets an estimate stand when its time is over': async (bench) => {
    const slow = token(9, '1/day');
    for (const letter of 'xy') await bench.decide([reserved(take(slow, 'a'), idOf(letter))]);
    bench.move(TTL - 1);
    same(((await settle(bench, 'x', 0)) ?? 0) < 0, true, 'in time');
    bench.move(1);
    same(await settle(bench, 'y', 0), undefined, 'too late');
  },

  'keeps a reservation of no cost, and charges it where no bucket is': async (bench) => {
    await bench.decide([reserved(take(limit, 'a', 0), idOf('x'))]);
    same(await settle(bench, 'x', 2), 2 * P, 'it was two');
    same(await bench.level(limit, 'a'), 2 * P, 'in a bucket that was full');
  },
};
