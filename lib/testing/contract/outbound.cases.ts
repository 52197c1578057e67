import { FOREVER, type Mark } from '../../algorithms/record.js';
import { bucket, SECOND, START, same, take, token } from './bench.js';
import type { Cases } from './cases.js';

const limit = token(10, 1);
const P = limit.scale.ticksPerToken;
const counted = { counted: true };

export const outboundCases: Cases = {
  'counts what is taken, where it is asked to': async (bench) => {
    const marks: (Mark | undefined)[] = [];
    for (const cost of [1, 3]) marks.push((await bench.decide([take(limit, 'a', cost)], counted)).marks[0]);
    same(marks.map((mark) => [mark?.since, mark?.sent]), [[START, 1], [START, 4]], 'each with its own cost'); // biome-ignore format: a table
    await bench.decide([take(limit, 'a')]);
    same((await bench.record('a'))?.sent, 5, 'once begun, the count goes on whoever takes');
    same((await bench.decide([take(limit, 'b')])).marks, [], 'nobody has asked');
    same((await bench.decide([take(limit, 'a', 20)], counted)).marks, [], 'a refusal takes nothing');
  },

  'believes the report of the newest take': async (bench) => {
    const [mark] = (await bench.decide([take(limit, 'a', 2)], counted)).marks;
    const { found, now } = await bench.report(limit, 'a', { missing: 7, mark });
    same([found.level, now], [7 * P, START], 'the level is what was told');
    await bench.decide([take(limit, 'a')], counted);
    const newest = (await bench.decide([take(limit, 'a')], counted)).marks[0];
    await bench.report(limit, 'a', { missing: 3, mark: newest });
    same(await bench.level(limit, 'a'), 3 * P, 'lower too');
  },

  'adds to a report what was taken since the take that it answers': async (bench) => {
    const [mark] = (await bench.decide([take(limit, 'a')], counted)).marks;
    await bench.decide([take(limit, 'a', 3)], counted);
    await bench.report(limit, 'a', { missing: 2, mark });
    same(await bench.level(limit, 'a'), 5 * P, 'three more than the report knows of');
  },

  'lets a late report, or one of no take, only take tokens away': async (bench) => {
    const first = (await bench.decide([take(limit, 'a')], counted)).marks[0];
    const second = (await bench.decide([take(limit, 'a')], counted)).marks[0];
    await bench.report(limit, 'a', { missing: 6, mark: second });
    await bench.report(limit, 'a', { missing: 0, mark: first });
    await bench.report(limit, 'a', { missing: 1 });
    same(await bench.level(limit, 'a'), 6 * P, 'neither lowers the level');
    await bench.report(limit, 'a', { missing: 8 });
    same(await bench.level(limit, 'a'), 8 * P, 'higher is believed');
    const third = (await bench.decide([take(limit, 'a')], counted)).marks[0];
    await bench.report(limit, 'a', { missing: 0, mark: third, lowers: false });
    same(await bench.level(limit, 'a'), 9 * P, 'nor where it may not lower at all');
  },

  'lets nothing start inside a block': async (bench) => {
    const { found } = await bench.report(limit, 'a', { block: 5 * SECOND });
    same([found.block, found.blockEnd], [5 * SECOND, START + 5 * SECOND], 'the answer tells the block');
    await bench.report(limit, 'a', { block: SECOND });
    bench.move(2 * SECOND);
    const refused = await bench.decide([take(limit, 'a')]);
    same([refused.admitted, refused.found[0]?.block], [false, 3 * SECOND], 'an earlier end changes nothing');
    const waiting = await bench.decide([take(limit, 'a', 1, {})], { revocable: true });
    same(waiting.changes[0]?.after.last, START + 5 * SECOND, 'who waits starts at its end');
    same(await bench.store.unblock(bucket('a')), true, 'it is ended');
    same(await bench.store.unblock(bucket('a')), false, 'once');
  },

  'blocks for good, and gives the bucket back when it is told to': async (bench) => {
    await bench.decide([take(limit, 'a', 4)]);
    await bench.report(limit, 'a', { block: FOREVER });
    bench.move(1000 * 86_400 * SECOND);
    same(await bench.admits(1, take(limit, 'a')), [false], 'years later');
    same((await bench.decide([take(limit, 'a', 1, {})])).admitted, false, 'nobody waits for ever');
    same(await bench.store.unblock(bucket('a')), true, 'there was a block');
    same(await bench.record('a'), undefined, 'behind it the bucket is full');
  },

  'takes one of several where it is told to pick': async (bench) => {
    const takes = ['a', 'b', 'c'].map((name) => take(limit, name));
    await bench.decide([take(limit, 'a', 2)]);
    const most = await bench.decide(takes, { pick: {} });
    same([most.admitted, most.charged], [true, [1]], 'the first of those with the most left');
    same((await bench.decide(takes, { pick: { prefer: 0 } })).charged, [0], 'the preferred one');
    same(
      await Promise.all(['a', 'b', 'c'].map((name) => bench.level(limit, name))),
      [3 * P, P, 0],
      'the others are not charged',
    );
    await bench.report(limit, 'b', { block: SECOND });
    await bench.report(limit, 'c', { block: SECOND });
    same((await bench.decide(takes, { pick: {} })).charged, [0], 'one that can start');
    const waiting = ['b', 'c'].map((name) => take(limit, name, 1, {}));
    await bench.report(limit, 'b', { block: 2 * SECOND });
    same((await bench.decide(waiting, { pick: {} })).charged, [1], 'of those that wait the earliest');
    await bench.report(limit, 'a', { block: SECOND });
    same((await bench.decide(takes, { pick: {} })).charged, [], 'none where all refuse');
  },
};
