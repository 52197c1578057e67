import { bucket, line, SECOND, START, same, take, token } from './bench.js';
import type { Cases } from './cases.js';

const limit = token(3, 1);
const P = limit.scale.ticksPerToken;

export const takingCases: Cases = {
  'admits a burst of the capacity, and refuses beyond it': async (bench) => {
    same(
      await bench.admits(4, take(limit, 'a')),
      [true, true, true, false],
      'three of four tokens are there',
    );
    same(await bench.admits(1, take(limit, 'b')), [true], 'another bucket is full');
    const never = await bench.decide([take(limit, 'b', 4)]);
    same(never.admitted, false, 'a cost above the capacity is refused');
  },

  'answers what each take has found, before it has taken': async (bench) => {
    const first = await bench.decide([take(limit, 'a', 2), take(limit, 'b')]);
    const empty = { level: 0, block: 0, blockEnd: 0, stepped: false };
    same(first.found, [empty, empty], 'both are found full');
    same(first.charged, [0, 1], 'both are charged');
    same([first.now, first.changes, first.marks], [START, [], []], 'nothing more was asked for');
    const second = await bench.decide([take(limit, 'b'), take(limit, 'a')]);
    same(
      second.found.map(({ level }) => level),
      [P, 2 * P],
      'in the order of the takes',
    );
  },

  'drains to the microsecond': async (bench) => {
    bench.move(SECOND / 2 + 1);
    await bench.admits(3, take(limit, 'a'));
    bench.move(SECOND - 1);
    same(await bench.admits(1, take(limit, 'a')), [false], 'a microsecond before the token is back');
    bench.move(1);
    same(await bench.admits(2, take(limit, 'a')), [true, false], 'when it is back');
  },

  'changes nothing where it refuses': async (bench) => {
    await bench.admits(3, take(limit, 'a'));
    const before = await bench.record('a');
    bench.move(10);
    for (let i = 0; i < 3; i++) await bench.decide([take(limit, 'a'), take(limit, 'b')], { counted: true });
    same(await bench.record('a'), before, 'the bucket that refuses is as it was');
    same(await bench.record('b'), undefined, 'one that would have admitted is not charged');
    bench.move(SECOND - 10);
    same(await bench.admits(1, take(limit, 'a')), [true], 'its token is back in time');
  },

  'answers a batch in order, as if one after another': async ({ store }) => {
    const costs = [2, 2, 1, 1];
    const replies = await store.decide(costs.map((cost) => ({ takes: [take(limit, 'a', cost)] })));
    same(
      replies.map(({ admitted }) => admitted),
      [true, false, true, false],
      'the smaller takes what the larger has left',
    );
    same(
      replies.map(({ found }) => found[0]?.level),
      [0, 2 * P, 2 * P, 3 * P],
      'each finds what those before it have left',
    );
    same(await store.decide([]), [], 'nothing asked is nothing answered');
  },

  'takes nothing at a peek or at a cost of 0': async (bench) => {
    same((await bench.decide([take(limit, 'a', 3)], { peek: true })).admitted, true, 'a peek tells');
    await bench.decide([take(limit, 'a', 0)], { counted: true });
    same(await bench.record('a'), undefined, 'nothing was written');
  },

  'admits exactly the capacity to those who ask at one moment': async ({ store }) => {
    const asked = Array.from({ length: 40 }, async () =>
      store.decide([{ takes: [take(token(25, 1), 'a')] }]),
    );
    const admitted = (await Promise.all(asked)).filter(([reply]) => reply?.admitted);
    same(admitted.length, 25, 'no take is lost, and none is counted twice');
  },

  'keeps every digit of large numbers': async (bench) => {
    const wide = token(99_991, '7/day');
    const { ticksPerToken } = wide.scale;
    await bench.decide([take(wide, 'a', 99_987)]);
    bench.move(12_345_679);
    await bench.decide([take(wide, 'a')]);
    const drained = 12_345_679 * wide.scale.ticksPerMicro;
    same(await bench.level(wide, 'a'), 99_988 * ticksPerToken - drained, 'the level is exact');
  },

  'keeps buckets apart whatever their names are': async (bench) => {
    const names = [
      'a',
      'A',
      'a%20',
      'a%',
      'a\'"\\',
      'ä',
      'é',
      'e\u0301',
      '日本',
      '__proto__',
      'a'.repeat(200),
    ];
    for (const name of names) same(await bench.admits(1, take(limit, name, 3)), [true], `of ${name}`);
    for (const name of names) same(await bench.admits(1, take(limit, name)), [false], `again of ${name}`);
  },

  'makes buckets that wait share one start': async (bench) => {
    const [fast, slow] = [line(10, 4), line(10, 1)];
    await bench.decide([take(slow, 'slow', 2)]);
    const { admitted } = await bench.decide([take(fast, 'fast'), take(slow, 'slow')]);
    same(admitted, true, 'both have places');
    same(await bench.level(fast, 'fast'), 9 * fast.scale.ticksPerToken, 'the faster is raised to the start');
    same(await bench.level(slow, 'slow'), 3 * slow.scale.ticksPerToken, 'the slower has one place more');
  },

  'lets who waits take tokens ahead, up to its patience': async (bench) => {
    const patient = (maxWaitMicros: number) => take(limit, 'a', 1, { maxWaitMicros });
    await bench.admits(3, take(limit, 'a'));
    same((await bench.decide([patient(SECOND - 1)])).admitted, false, 'it would wait a second');
    same((await bench.decide([patient(SECOND)])).admitted, true, 'and does');
    same((await bench.record('a'))?.last, START + SECOND, 'its start is promised in the record');
    bench.move(SECOND);
    same(await bench.admits(1, take(limit, 'a')), [false], 'nobody overtakes it');
  },

  'says when it has decided, on the clock of this process': async (bench) => {
    const sent = performance.now();
    const { decidedAt } = await bench.decide([take(limit, 'a')]);
    const state = await bench.report(limit, 'a', {});
    const received = performance.now();
    same(
      [decidedAt, state.decidedAt].every((at) => at >= sent && at <= received),
      true,
      'between the sending of the call and the receipt of its reply',
    );
  },

  'tells what buckets hold, in the order asked': async (bench) => {
    await bench.decide([take(limit, 'b', 2)]);
    const inspections = await bench.store.inspect(['a', 'b'].map(bucket));
    const record = { level: 2 * P, at: START, ...limit.scale };
    same(
      inspections.map((one) => [one.record, one.now]),
      [
        [undefined, START],
        [record, START],
      ],
      'nothing of a full bucket, and the record of another',
    );
  },
};
