import { describe, expect, it } from '@jest/globals';
import { effort } from '../../support/effort.js';
import { type BucketRecord, blockLeft, rebased } from '../../support/oracle/bucket-record.js';
import { microsToDrain, type OraclePolicy } from '../../support/oracle/oracle.js';
import { type OutboundDecision, OutboundModel } from '../../support/oracle/outbound.js';
import {
  fillMicros,
  type OutboundOperation,
  outboundPolicies,
} from '../../support/oracle/outbound-scenario.js';
import { OutboundTraffic } from '../../support/oracle/outbound-traffic.js';
import { add, compare, max, multiply, subtract, whole, ZERO } from '../../support/oracle/rational.js';
import { Random } from '../../support/oracle/scenario.js';

const OPERATIONS = effort(4000, 50_000);

const SEEDS = effort(2, 20);

type Decide = OutboundOperation & { readonly kind: 'decide' };

/** The rules themselves, on the traffic of the differential suite: what a wrong rule breaks, the model shows. */
class Run {
  readonly model = new OutboundModel();
  private readonly traffic: OutboundTraffic;
  private readonly decisions = new Map<number, OutboundDecision>();
  private index = 0;

  constructor(seed: number, stepsBack: boolean) {
    this.traffic = new OutboundTraffic(new Random(seed), this.model, stepsBack);
  }

  /** `look` sees a copy of the model as each decision finds it. */
  go(look: (operation: Decide, before: OutboundModel, decision: OutboundDecision) => void): void {
    while (this.index < OPERATIONS) {
      const operation = this.traffic.next();
      const before = new OutboundModel(this.model);
      const decision = this.apply(operation);
      if (decision && operation.kind === 'decide') {
        this.decisions.set(this.index, decision);
        look(operation, before, decision);
      }
      this.traffic.learn(operation, {
        admitted: decision?.admitted ?? false,
        retryAfterMs: decision?.results.map(({ retryAfterMs }) => retryAfterMs) ?? [],
        marked: decision?.marks.map((mark) => mark !== undefined) ?? [],
        traced: (decision?.traces.length ?? 0) > 0,
      });
      this.index++;
    }
  }

  private apply(operation: OutboundOperation): OutboundDecision | undefined {
    const { model } = this;
    const now = BigInt(operation.at);
    if (operation.kind === 'decide') return decide(model, operation, operation.at);
    if (operation.kind === 'undo') model.undo(operation.of.flatMap((of) => this.decisions.get(of)!.traces));
    else if (operation.kind === 'reset') model.reset(operation.key);
    else if (operation.kind === 'unblock') model.unblock(now, operation.key);
    else {
      const policy = outboundPolicies[operation.policy]!;
      if (operation.kind === 'refund') model.refund(now, operation.key, policy, operation.cost);
      else {
        const { mark, remaining, retryAfterMs = 0, forever } = operation;
        const retryAfterMicros = forever ? BigInt(Number.MAX_SAFE_INTEGER) : BigInt(retryAfterMs) * 1000n;
        const marked = mark && this.decisions.get(mark.operation)!.marks[mark.entry];
        model.sync(now, operation.key, policy, { remaining, retryAfterMicros, mark: marked });
      }
    }
    return undefined;
  }
}

function decide(model: OutboundModel, operation: Decide, at: number): OutboundDecision {
  const entries = operation.entries.map((entry) => ({ ...entry, policy: outboundPolicies[entry.policy]! }));
  return model.decide(BigInt(at), entries, operation);
}

const rebasedAt = (model: OutboundModel, key: string, at: number) => {
  const record = model.stored(key);
  return record && rebased(record, BigInt(at));
};

const show = (value: unknown) =>
  JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? `${field}n` : field));

describe.each([false, true])('on random traffic, with steps back: %p', (stepsBack) => {
  const run = (look: Parameters<Run['go']>[0]) => new Run(20_260_101, stepsBack).go(look);

  it('who is refused and waits exactly as told, alone, is admitted', () => {
    let waited = 0;
    run((operation, before, { admitted, results }) => {
      const told = results.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
      if (admitted || told.length === 0 || (!operation.pick && told.length < results.length)) return;
      const wait = operation.pick ? Math.min(...told) : Math.max(...told);
      const at = operation.at + 1000 * wait;
      const alone = new OutboundModel(before);
      // The refusal has moved back what was ahead of the clock.
      decide(alone, operation, operation.at);
      const then = decide(alone, operation, at);
      if (!then.admitted) {
        const records = operation.entries.map(({ key }) => before.stored(key));
        throw new Error([show(operation), show(records), show(results), at, show(then)].join('\n'));
      }
      waited++;
    });
    expect(waited).toBeGreaterThan(150);
  });

  it('nothing starts within a block, or later than its patience', () => {
    let [placed, bounded] = [0, 0];
    run((operation, before, { admitted, chosen, results }) => {
      if (!admitted) return;
      operation.entries.forEach(({ key, policy, patience }, index) => {
        if (operation.pick && index !== chosen) return;
        const { delayMs } = results[index]!;
        const { shapes, maxWaitMicros } = outboundPolicies[policy]!;
        const block = blockLeft(rebasedAt(before, key, operation.at), BigInt(operation.at));
        if (block > 0n) placed++;
        expect(BigInt(delayMs) * 1000n >= block).toBe(true);
        const waits = [patience?.maxWaitMicros, shapes ? maxWaitMicros : undefined].filter(
          (wait) => wait !== undefined,
        );
        if (waits.length === 0) return;
        bounded++;
        expect(delayMs).toBeLessThanOrEqual(Math.ceil(Math.min(...waits) / 1000));
      });
    });
    expect(Math.min(placed, bounded)).toBeGreaterThan(20);
  });

  it('a peek answers as a take, and changes nothing', () => {
    run((operation, before, { results }) => {
      const [model, other] = [new OutboundModel(before), new OutboundModel(before)];
      expect(decide(model, { ...operation, peek: true }, operation.at).results).toEqual(results);
      expect(decide(model, { ...operation, peek: false }, operation.at).results).toEqual(results);
      decide(other, { ...operation, peek: false }, operation.at);
      for (const { key } of operation.entries) expect(model.stored(key)).toEqual(other.stored(key));
    });
  });
});

interface Start {
  readonly at: bigint;
  readonly cost: number;
  readonly traces: OutboundDecision['traces'];
}

/** Takes, waits, blocks, their ends, places left, and reports that only take tokens, on one bucket. */
function startsOf(index: number, seed: number): Start[] {
  const [random, model, policy] = [new Random(seed), new OutboundModel(), outboundPolicies[index]!];
  const token = Math.max(1, fillMicros(index) / policy.capacity);
  const starts: Start[] = [];
  for (let [now, step] = [0n, 0]; step < 1500; step++) {
    if (random.chance(0.6)) now += BigInt(random.below(Math.ceil(2 * token)));
    const roll = random.unit();
    if (roll < 0.07) {
      const retryAfterMicros = BigInt(1 + random.below(Math.ceil(4 * token)));
      model.sync(now, 'key', policy, { retryAfterMicros });
    } else if (roll < 0.1) model.unblock(now, 'key');
    else if (roll < 0.14) model.sync(now, 'key', policy, { remaining: random.below(policy.capacity + 1) });
    else if (roll < 0.2) {
      const latest = starts.at(-1);
      if (latest && latest.at > now && model.undo(latest.traces) > 0) starts.pop();
    } else {
      const cost = Math.min(policy.capacity, random.spread(4));
      const patience = random.chance(0.6) ? {} : undefined;
      const { admitted, traces } = model.decide(now, [{ key: 'key', policy, cost, patience }]);
      if (!admitted) continue;
      const waits = policy.shapes || patience !== undefined;
      // Alone, so that its own wait is that of its operation.
      const wait = waits ? waitOf(traces[0]!.after, policy, cost, now) : 0n;
      starts.push({ at: now + wait, cost, traces });
    }
  }
  return starts.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** The start that was promised, from what was left behind. */
function waitOf(after: BucketRecord, policy: OraclePolicy, cost: number, now: bigint): bigint {
  const before = subtract(after.level, whole(cost));
  const excess = policy.shapes ? before : subtract(before, whole(policy.capacity - cost));
  const [own, block] = [microsToDrain(excess, policy), blockLeft(after, now)];
  return own > block ? own : block;
}

describe.each(
  outboundPolicies.map(({ kind, rate, capacity }, index) => [`${kind} of ${capacity} at ${rate}`, index]),
)('%s, blocked now and then', (_, index) => {
  it('never starts more than capacity + rate × window, and a line keeps its distances', () => {
    const { capacity, tokens, micros, shapes } = outboundPolicies[Number(index)]!;
    const rate = { num: tokens, den: micros };
    let count = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      // A start in whole microseconds is late by less than one.
      let [level, time] = [ZERO, 0n];
      for (const { at, cost } of startsOf(Number(index), seed)) {
        level = max(ZERO, subtract(level, multiply(rate, whole(at - time))));
        if (shapes) expect(compare(level, rate)).toBeLessThanOrEqual(0);
        level = add(level, whole(cost));
        expect(compare(level, add(whole(capacity), rate))).toBeLessThanOrEqual(0);
        time = at;
        count++;
      }
    }
    expect(count).toBeGreaterThan(300 * SEEDS);
  });
});
