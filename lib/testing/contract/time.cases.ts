import { endOf } from '../../algorithms/record.js';
import { line, SECOND, START, same, take, token } from './bench.js';
import type { Cases } from './cases.js';

const limit = token(3, 1);
const P = limit.scale.ticksPerToken;
const FILL = 3 * SECOND;

export const timeCases: Cases = {
  'finds a bucket that has drained as one that never was': async (bench) => {
    await bench.decide([take(limit, 'a', 3)], { counted: true });
    bench.move(FILL);
    same(await bench.record('a'), undefined, 'it says nothing any more');
    const { found, marks } = await bench.decide([take(limit, 'a', 3)], { counted: true });
    same(found[0]?.level, 0, 'it is full');
    same([marks[0]?.since, marks[0]?.sent], [START + FILL, 3], 'its count begins anew');
  },

  'keeps a record until it says no more than absence': async (bench) => {
    await bench.decide([take(limit, 'b', 3)]);
    bench.move(FILL - 1);
    same(await bench.admits(1, take(limit, 'b', 3)), [false], 'a microsecond before it is full');
    await bench.decide([take(limit, 'a')]);
    await bench.report(limit, 'a', { block: 10 * SECOND });
    const record = await bench.record('a');
    same(record && endOf(record), bench.now + 10 * SECOND, 'it lives as long as its block');
    bench.move(10 * SECOND - 1);
    same(await bench.admits(1, take(limit, 'a')), [false], 'a microsecond before the end it counts');
    bench.move(1);
    same(await bench.admits(4, take(limit, 'a')), [true, true, true, false], 'at the end it is full');
  },

  'moves a record that lies ahead of the clock back to it, whoever reads it': async (bench) => {
    const readers = {
      peek: () => bench.decide([take(limit, 'peek')], { peek: true }),
      refused: () => bench.decide([take(limit, 'refused')]),
      admitted: () => bench.decide([take(limit, 'admitted', 0)]),
    };
    for (const name of Object.keys(readers)) await bench.decide([take(limit, name, 3)]);
    bench.move(-3600 * SECOND);
    for (const read of Object.values(readers)) await read();
    bench.move(SECOND);
    for (const name of Object.keys(readers)) {
      same(await bench.level(limit, name), 2 * P, `it drains from where the clock is now (${name})`);
    }
  },

  'moves the other times of such a record back by as much': async (bench) => {
    await bench.admits(3, take(limit, 'a'));
    await bench.decide([take(limit, 'a', 1, {})]);
    await bench.report(limit, 'a', { block: 5 * SECOND });
    bench.move(-3600 * SECOND);
    await bench.decide([take(limit, 'a')], { peek: true });
    const { at, last, blocked } = (await bench.record('a')) ?? {};
    same(
      [at, last, blocked].map((time) => Number(time) - bench.now),
      [0, SECOND, 5 * SECOND],
      'to the clock',
    );
  },

  'earns no more under changing limits than the fastest rate gives': async (bench) => {
    const [fast, other] = [token(3, 2), token(3, '3/7s')];
    const [fastP, otherP] = [fast.scale.ticksPerToken, other.scale.ticksPerToken];
    await bench.decide([take(limit, 'a', 3)]);
    bench.move(SECOND / 2);
    same(await bench.level(fast, 'a'), 2 * fastP, 'the reader is faster: its rate counts');
    same(await bench.level(other, 'a'), 3 * otherP, 'the reader is slower: whole tokens, rounded up');
    same(await bench.level(limit, 'a'), 2.5 * P, 'reading has written nothing');
    await bench.decide([take(fast, 'a')]);
    bench.move(SECOND);
    same(await bench.level(limit, 'a'), P, 'the writer was faster: its rate counts');
    bench.move(-1);
    const { found } = await bench.decide([take(limit, 'a')], { peek: true });
    same([Number(found[0]?.level), found[0]?.stepped], [2 * P, true], 'and whole tokens, by steps');
  },

  'keeps the level where the capacity becomes smaller': async (bench) => {
    await bench.decide([take(token(10, 1), 'a', 10)]);
    same(await bench.admits(1, take(limit, 'a')), [false], 'nothing is left');
    same(await bench.level(token(10, 1), 'a'), 10 * P, 'raising it again gives nothing');
  },

  'spaces starts exactly, though no rate is a whole number of microseconds': async (bench) => {
    const sevenths = line(100, '7/s');
    for (let i = 0; i < 50; i++) await bench.decide([take(sevenths, 'a')]);
    same(await bench.level(sevenths, 'a'), 50 * sevenths.scale.ticksPerToken, 'fifty places, no rounding');
  },
};
