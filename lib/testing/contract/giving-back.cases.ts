import type { Change } from '../../algorithms/kernel.js';
import { bucket, line, SECOND, same, take, token } from './bench.js';
import type { Cases } from './cases.js';

const limit = token(3, 1);
const P = limit.scale.ticksPerToken;
const places = line(10, 1);
const revocable = { revocable: true };

export const givingBackCases: Cases = {
  'refunds tokens, never beyond full': async (bench) => {
    same(await bench.store.refund(bucket('a'), 1), false, 'a full bucket takes none');
    await bench.decide([take(limit, 'a', 2)]);
    same(await bench.store.refund(bucket('a'), 1), true, 'one is given back');
    same(await bench.level(limit, 'a'), P, 'the level is lower by one');
    same(await bench.store.refund(bucket('a'), 5), true, 'there was something to give back');
    same(await bench.admits(4, take(limit, 'a')), [true, true, true, false], 'full is full');
  },

  'refunds nothing while somebody waits for tokens': async (bench) => {
    await bench.admits(3, take(limit, 'a'));
    await bench.decide([take(limit, 'a', 1, {})]);
    same(await bench.store.refund(bucket('a'), 1), false, 'what was promised does not move');
    same(await bench.level(limit, 'a'), 4 * P, 'the level is what it was');
    bench.move(SECOND);
    same(await bench.store.refund(bucket('a'), 1), true, 'nobody waits any more');
  },

  'undoes the last take, and no other': async (bench) => {
    const changes: Change[] = [];
    for (let i = 0; i < 3; i++) changes.push(...(await bench.decide([take(places, 'a')], revocable)).changes);
    const [first, second, third] = changes as [Change, Change, Change];
    same(first.before, undefined, 'the first has found a full bucket');
    same(await bench.store.undo([first]), 0, 'others have come after the first');
    same(await bench.store.undo([third, second]), 2, 'the latest first');
    same(await bench.store.undo([third, second]), 0, 'twice is once');
    same(await bench.level(places, 'a'), P, 'the first is still there');
    same(await bench.store.undo([first]), 1, 'now it is the last');
    same(await bench.record('a'), undefined, 'the bucket is full again');
  },

  'undoes in the order given': async (bench) => {
    const first = (await bench.decide([take(places, 'a')], revocable)).changes;
    const second = (await bench.decide([take(places, 'a')], revocable)).changes;
    same(await bench.store.undo([...first, ...second]), 1, 'the first is the last only after the second');
    same(await bench.level(places, 'a'), P, 'so it stays');
  },

  'tells what it has changed only where it is asked, and never of a refusal': async (bench) => {
    const { changes } = await bench.decide([take(limit, 'a', 2), take(limit, 'b', 0)], revocable);
    same(
      changes.map(({ key }) => key),
      [bucket('a')],
      'what costs nothing changes nothing',
    );
    same((await bench.decide([take(limit, 'a')])).changes, [], 'nobody has asked');
    same((await bench.decide([take(limit, 'a')], revocable)).changes, [], 'a refusal has changed nothing');
  },

  'forgets a bucket': async (bench) => {
    await bench.decide([take(limit, 'a', 3), take(limit, 'b', 3)]);
    same(await bench.store.reset(bucket('a')), true, 'there was one');
    same(await bench.store.reset(bucket('a')), false, 'there is none any more');
    same(await bench.admits(1, take(limit, 'a', 3)), [true], 'it is full');
    same(await bench.admits(1, take(limit, 'b')), [false], 'another is as it was');
  },
};
