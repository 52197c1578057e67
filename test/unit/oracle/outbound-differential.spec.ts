import { describe, expect, it } from '@jest/globals';
import type { Mark } from '../../support/oracle/bucket-record.js';
import { type OutboundDecision, OutboundModel } from '../../support/oracle/outbound.js';
import { type OutboundSubject, runOutbound } from '../../support/oracle/outbound-differential.js';
import { outboundPolicies } from '../../support/oracle/outbound-scenario.js';

const FOREVER = BigInt(Number.MAX_SAFE_INTEGER);
const run = { seed: 20_260_101, operations: 10_000, stepsBack: true };

type Itself = OutboundSubject<Mark, OutboundDecision['traces']>;

/** The model as its own subject. */
function itself(): Itself {
  const model = new OutboundModel();
  return {
    async decide(operation) {
      const entries = operation.entries.map((entry) => ({
        ...entry,
        policy: outboundPolicies[entry.policy]!,
      }));
      const { traces, ...decision } = model.decide(BigInt(operation.at), entries, operation);
      return { ...decision, changes: traces };
    },
    async sync({ at, key, policy, remaining, retryAfterMs = 0, forever }, mark) {
      const retryAfterMicros = forever ? FOREVER : BigInt(retryAfterMs) * 1000n;
      const report = { remaining, retryAfterMicros, mark };
      return model.sync(BigInt(at), key, outboundPolicies[policy]!, report).result;
    },
    unblock: async ({ at, key }) => model.unblock(BigInt(at), key),
    refund: async ({ at, key, policy, cost }) =>
      model.refund(BigInt(at), key, outboundPolicies[policy]!, cost),
    reset: async ({ key }) => model.reset(key),
    undo: async (_, changes) => model.undo(changes.flat()),
  };
}

describe('the differential run', () => {
  it('finds no difference where there is none, and comes by everything that can happen', async () => {
    const coverage = await runOutbound(itself(), run);
    for (const [what, times] of Object.entries(coverage)) expect([what, times > 5]).toEqual([what, true]);
  });

  const mistakes: Record<string, (subject: Itself) => Partial<Itself>> = {
    'forgets marks': ({ sync }) => ({ sync: (operation) => sync(operation, undefined) }),
    'blocks for a millisecond less': ({ sync }) => ({
      sync: (operation, mark) =>
        sync({ ...operation, retryAfterMs: (operation.retryAfterMs ?? 1) - 1 }, mark),
    }),
    'counts what is not counted': ({ decide }) => ({
      decide: (operation) => decide({ ...operation, counted: true }),
    }),
    'minds no preference': ({ decide }) => ({
      decide: ({ pick, ...operation }) => decide(pick ? { ...operation, pick: {} } : operation),
    }),
    'keeps blocks': () => ({ unblock: async () => true }),
    'undoes the first before the last': ({ undo }) => ({
      undo: (at, changes) => undo(at, [...changes].reverse()),
    }),
  };
  it.each(Object.entries(mistakes))('finds a subject that %s', async (_, mistake) => {
    const subject = itself();
    const mistaken = { ...subject, ...mistake(subject) };
    await expect(runOutbound(mistaken, run)).rejects.toThrow(
      /^seed 20260101, operation \d+: the subject is not/,
    );
  });
});
