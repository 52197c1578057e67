// The checker of the chaos suite must be able to fail: each rule on a history that is right, and on one that was forged.
import { describe, expect, it } from '@jest/globals';
import {
  type CheckedPolicy,
  check,
  type History,
  recoveryMs,
  type Seen,
} from '../../chaos/checker/check.mjs';
import { type Admission, worstWindow } from '../../chaos/checker/excess.mjs';
import { Random } from '../../support/oracle/scenario.js';

const ms = (milliseconds: number): bigint => BigInt(Math.round(milliseconds * 1e6));

const policy = (name: string, onStoreError: CheckedPolicy['onStoreError'] = 'memory'): CheckedPolicy => ({
  ...{ name, capacity: 3, tokens: 10n, perNs: ms(1000), onStoreError },
});

const policies = [policy('api'), policy('open', 'allow'), policy('shut', 'deny')];

/** Asked for at a time in milliseconds, and answered 2 ms later unless it says something else. */
const seen = (at: number, more: Partial<Seen> = {}): Seen => ({
  ...{ process: 'one', policy: 'api', key: 'ada', cost: 1, allowed: true, source: 'redis', status: 200 },
  ...{ sent: ms(at), received: ms(at + 2) },
  ...more,
});

const rulesOf = (decisions: Seen[], more: Partial<History> = {}): string[] =>
  check({ decisions, policies, deadlineMs: 100, slackMs: 20, recoverWithinMs: 1000, ...more }).map(
    ({ rule }) => rule,
  );

describe('what the shared bucket admits', () => {
  // Three at once, then one each 100 ms.
  const exact = [0, 0, 0, 100, 200].map((at) => seen(at, { received: ms(at) }));

  it('may be all that it has, and what flows back', () => {
    expect(rulesOf(exact)).toEqual([]);
  });

  it('is too much with one admission more, whichever process it was, and with one a nanosecond early', () => {
    expect(rulesOf([...exact, seen(150, { process: 'two' })])).toEqual(['over-admission']);
    const early = { sent: ms(200) - 1n, received: ms(200) - 1n };
    expect(rulesOf([...exact.slice(0, 4), seen(200, early)])).toEqual(['over-admission']);
    expect(rulesOf([...exact, seen(200, { cost: 2 })])).toEqual(['over-admission']);
  });

  it('is told by what was certainly decided within a window: a slow answer accuses nobody', () => {
    // All are received at once, and the first three may have been decided long before the others.
    const slow = [0, 0, 0, 100, 200].map((at) => seen(at, { received: ms(210) }));
    expect(rulesOf(slow, { deadlineMs: 200 })).toEqual([]);
  });

  it('leaves out refusals, other keys, other policies, and what a process decides alone', () => {
    const others: Partial<Seen>[] = [
      { allowed: false, status: 429 },
      { key: 'bob' },
      { policy: 'open' },
      { source: 'memory' },
    ];
    expect(rulesOf([...exact, ...others.map((other) => seen(150, other))])).toEqual([]);
  });

  it('begins again with a store that was lost, and not before it is back', () => {
    const again = [...exact, ...[510, 510, 510].map((at) => seen(at))];
    const restarts = [{ from: ms(300), back: ms(500) }];
    expect(rulesOf(again, { restarts })).toEqual([]);
    expect(rulesOf([...again, seen(530)], { restarts })).toEqual(['over-admission']);
    expect(rulesOf([...again, seen(250)], { restarts })).toEqual(['over-admission']);
  });

  it('may be what replication has lost more, and no more than that', () => {
    const losses = [{ policy: 'api', key: 'ada', ticks: ms(1000), at: ms(100) }];
    expect(rulesOf([...exact, seen(200)], { losses })).toEqual([]);
    expect(rulesOf([...exact, seen(200), seen(200)], { losses })).toEqual(['over-admission']);
    expect(rulesOf([...exact, seen(200)], { losses: [{ ...losses[0]!, key: 'bob' }] })).toEqual([
      'over-admission',
    ]);
  });

  it('grows by steps of the clock forward, and not by those back', () => {
    const clockSteps = [
      { at: ms(240), ns: -ms(5000) },
      { at: ms(250), ns: ms(100) },
    ];
    const after = [...exact, seen(260)];
    expect(rulesOf(after, { clockSteps })).toEqual([]);
    expect(rulesOf([...after, seen(270)], { clockSteps })).toEqual(['over-admission']);
    expect(rulesOf(after, { clockSteps: clockSteps.slice(0, 1) })).toEqual(['over-admission']);
  });

  it('is found in whatever window a search through all of them finds it', () => {
    const random = new Random(7);
    for (let round = 0; round < 200; round++) {
      const admissions = Array.from({ length: 1 + random.below(20) }, () => {
        const sent = BigInt(random.below(100));
        return { sent, received: sent + BigInt(random.below(10)), cost: random.below(4) };
      });
      const rate = { tokens: BigInt(1 + random.below(3)), perNs: BigInt(1 + random.below(5)) };
      expect(worstWindow(admissions, rate)).toBe(searchAll(admissions, rate));
    }
  });
});

describe('what a process admits alone', () => {
  const local = (at: number, more: Partial<Seen> = {}) => seen(at, { source: 'memory', ...more });

  it('is within a bucket of its own', () => {
    const each = ['one', 'two'].flatMap((process) => [0, 0, 0].map((at) => local(at, { process })));
    expect(rulesOf(each)).toEqual([]);
    expect(rulesOf([...each, local(50)])).toEqual(['local over-admission']);
  });

  it('is full again once the store has decided for the same key in this process', () => {
    const again = [local(0), local(0), local(0), local(50)];
    const between = seen(40, { allowed: false, status: 429, received: ms(41) });
    expect(rulesOf([...again, between])).toEqual([]);
    for (const other of [{ process: 'two' }, { key: 'bob' }]) {
      expect(rulesOf([...again, { ...between, ...other }])).toEqual(['local over-admission']);
    }
  });

  it('is within its share', () => {
    expect(rulesOf([local(0)], { instances: 3 })).toEqual([]);
    expect(rulesOf([local(0), local(250)], { instances: 3 })).toEqual(['local over-admission']);
    expect(rulesOf([local(0), local(301)], { instances: 3 })).toEqual([]);
  });
});

describe('an answer', () => {
  it('that never comes, that is an error, or that is a 500', () => {
    expect(rulesOf([seen(0, { received: null, source: null })])).toEqual(['unanswered']);
    expect(rulesOf([seen(0, { error: 'ECONNREFUSED', allowed: false })])).toEqual(['failed']);
    expect(rulesOf([seen(0, { status: 500, allowed: false })])).toEqual(['failed']);
    expect(rulesOf([seen(0, { status: 503, allowed: false })])).toEqual(['failed']);
  });

  it('that comes after the deadline and the slack; waiting for a turn, or for the machine, does not count', () => {
    expect(rulesOf([seen(0, { received: ms(120) })])).toEqual([]);
    expect(rulesOf([seen(0, { received: ms(121) })])).toEqual(['late']);
    expect(rulesOf([seen(0, { received: ms(621), waitedMs: 500 })])).toEqual(['late']);
    expect(rulesOf([seen(0, { received: ms(619), waitedMs: 500 })])).toEqual([]);
    expect(rulesOf([seen(0, { received: ms(619), stalledMs: 500 })])).toEqual([]);
  });

  it('that the policy has not declared for a store that is away', () => {
    const shut = { policy: 'shut', source: 'deny', allowed: false, status: 503 };
    const open = { policy: 'open', source: 'allow' };
    expect(rulesOf([seen(0, { source: 'memory' }), seen(0, open), seen(0, shut)])).toEqual([]);
    expect(rulesOf([seen(0, { ...open, allowed: false, status: 429 })])).toEqual(['undeclared']);
    expect(rulesOf([seen(0, { ...shut, status: 429 })])).toEqual(['undeclared']);
    expect(rulesOf([seen(0, { ...shut, allowed: true, status: 200 })])).toEqual(['undeclared']);
    expect(rulesOf([seen(0, { source: 'allow' })])).toEqual(['undeclared']);
    expect(rulesOf([seen(0, { policy: 'shut', source: 'memory' })])).toEqual(['undeclared']);
    expect(rulesOf([seen(0, { policy: 'open', source: null })])).toEqual(['undeclared']);
  });
});

describe('what a bucket is missing while nobody asks', () => {
  const admitted = [seen(0), seen(500, { source: 'memory' }), seen(900)];
  const level = (tokens: number, more = {}) => ({
    levels: [{ policy: 'api', key: 'ada', at: ms(2000), tokens, ...more }],
  });

  it('is all that was admitted, by the store or without it', () => {
    expect(rulesOf(admitted, level(3))).toEqual([]);
    expect(rulesOf(admitted, level(2))).toEqual(['missing debit']);
    expect(rulesOf(admitted, level(4))).toEqual(['late write']);
    expect(rulesOf(admitted, level(4, { mayExceed: 1 }))).toEqual([]);
    expect(rulesOf(admitted, level(5, { mayExceed: 1 }))).toEqual(['late write']);
  });

  it('counts what was carried out twice, where that may be, from then on', () => {
    const at = (time: number, tokens: number, mayExceed = 0) => ({
      ...{ policy: 'api', key: 'ada', at: ms(time), tokens, mayExceed },
    });
    const readings = [at(2000, 4, 1), at(3000, 4)];
    expect(rulesOf(admitted, { levels: readings })).toEqual([]);
    expect(rulesOf(admitted, { levels: [...readings, at(4000, 3)] })).toEqual(['missing debit']);
    expect(rulesOf(admitted, { levels: [...readings, at(4000, 5)] })).toEqual(['late write']);
  });

  it('is nothing of what was refused, is of another bucket, or came later', () => {
    const others = [seen(0, { allowed: false, status: 429 }), seen(0, { key: 'bob' }), seen(5000)];
    expect(rulesOf([...admitted, ...others], level(3))).toEqual([]);
  });

  it('is less by what replication has lost', () => {
    const losses = [{ policy: 'api', key: 'ada', ticks: ms(1000), at: ms(600) }];
    expect(rulesOf(admitted, { ...level(2), losses })).toEqual([]);
    expect(rulesOf(admitted, { ...level(1), losses })).toEqual(['missing debit']);
    expect(rulesOf(admitted, { ...level(3), losses })).toEqual(['late write']);
  });

  it('is of a store that was lost only what came after, and what was admitted without it meanwhile', () => {
    const restarts = [{ from: ms(300), back: ms(700) }];
    expect(rulesOf(admitted, { ...level(2), restarts })).toEqual([]);
    expect(rulesOf(admitted, { ...level(1), restarts })).toEqual(['missing debit']);
    expect(rulesOf(admitted, { ...level(3), restarts })).toEqual(['late write']);
  });
});

describe('recovery', () => {
  const fault = { name: 'freeze', from: ms(100), back: ms(1000) };
  const history = [
    seen(500, { source: 'memory' }),
    seen(500, { process: 'two', source: 'memory' }),
    seen(1990),
    seen(2500),
  ];

  it('is the first answer of the store in each process', () => {
    const two = seen(1500, { process: 'two' });
    expect([...recoveryMs({ policies, decisions: [...history, two] }, fault)]).toEqual([
      ['one', 992],
      ['two', 502],
    ]);
    expect(rulesOf([...history, two], { faults: [fault] })).toEqual([]);
  });

  it('is that of a key that was hit', () => {
    const bob = seen(1100, { key: 'bob' });
    expect(recoveryMs({ policies, decisions: [...history, bob] }, fault).get('one')).toBe(102);
    expect(
      recoveryMs({ policies, decisions: [...history, bob] }, { ...fault, keys: ['ada'] }).get('one'),
    ).toBe(992);
  });

  it('leaves out when the process stood still', () => {
    const stalls = new Map([
      ['one', [500, 900, 1100, 1900].map((at) => ({ from: ms(at), until: ms(at + 200) }))],
    ]);
    // Half of the second stall, all of the third, and what there is of the fourth.
    expect(recoveryMs({ policies, decisions: history, stalls }, fault).get('one')).toBe(992 - 100 - 200 - 92);
  });

  it('that takes too long, or never comes', () => {
    expect(rulesOf(history, { faults: [fault] })).toEqual(['slow recovery']);
    expect(rulesOf([...history, seen(2001, { process: 'two' })], { faults: [fault] })).toEqual([
      'slow recovery',
    ]);
  });
});

/** The definition, window by window. */
function searchAll(
  admissions: readonly Admission[],
  { tokens, perNs }: { tokens: bigint; perNs: bigint },
): bigint {
  let worst = 0n;
  for (const { sent: begin } of admissions) {
    for (const { received: end } of admissions) {
      if (end < begin) continue;
      const within = admissions.filter(({ sent, received }) => sent >= begin && received <= end);
      const admitted = within.reduce((sum, { cost }) => sum + BigInt(cost), 0n);
      const excess = admitted * perNs - tokens * (end - begin);
      if (excess > worst) worst = excess;
    }
  }
  return worst;
}
