import { describe, expect, it } from '@jest/globals';
import type { Actual } from '../../lib/algorithms/settlement.js';
import type { Charge } from '../../lib/limiter/charge.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { newReservationId } from '../../lib/limiter/reservation.js';
import { tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { KernelStore } from '../../lib/testing/kernel.store.js';
import { effort } from '../support/effort.js';
import { ManualClock } from '../support/manual-clock.js';
import { Random } from '../support/oracle/scenario.js';
import { Hindsight, SettlingModel, type SettlingPolicy } from '../support/oracle/settling.js';
import { useStores } from '../support/stores.js';

const START = Date.UTC(2100, 0) * 1000;
const SECOND = 1_000_000;
const TTL_MICROS = 600 * SECOND;

const stores = useStores();

const policies = [
  tokenBucket({ capacity: 10, rate: '1/s' }),
  tokenBucket({ capacity: 7, rate: '3/10s' }),
  tokenBucket({ capacity: 100, rate: '90000/min' }),
  tokenBucket({ capacity: 30, rate: '999983/day' }),
];

const scaleOf = (policy: Policy): SettlingPolicy => {
  const { ticksPerToken, ticksPerMicro } = policy.limit!.scale;
  return { capacity: policy.capacity!, p: BigInt(ticksPerToken), n: BigInt(ticksPerMicro) };
};

/** A store asked as the limiter does, in ticks. */
function asker(store: Store, key: string) {
  const limiter = new Limiter(store);
  const bucket = `bucket:{${key}}`;
  return {
    async take(policy: Policy, cost: number, more: Partial<Charge> = {}, terms = {}) {
      const { admitted } = await limiter.decide(
        [{ placed: { id: 'bucket', policy }, key, cost, ...more }],
        terms,
      );
      return admitted;
    },
    async level(policy: Policy) {
      const { outcomes } = await limiter.decide([{ placed: { id: 'bucket', policy }, key, cost: 0 }], {
        peek: true,
      });
      return BigInt(outcomes[0]!.level);
    },
    async settle(actual: Actual) {
      const settled = await store.settle(bucket, actual);
      return settled && BigInt(settled.ticks);
    },
    refund: (tokens: number) => store.refund(bucket, tokens),
    reset: () => store.reset(bucket),
    store,
    bucket,
  };
}

const hold = (id: string, ttlMicros = TTL_MICROS) => ({ reserve: { id, ttlMicros } });

/** Many small ones in a bucket at a time, or some large ones. */
const costOf = (random: Random, capacity: number) =>
  random.below(random.pick([capacity, Math.ceil(capacity / 4)]) + 1);

/** Hops that hit the moments at which buckets are just full, and all between; small ones where a bucket is to be busy. */
function hop(random: Random, { p, n, capacity }: SettlingPolicy, isBusy: boolean): number {
  const token = Number(p / n);
  if (isBusy) return random.pick([0, 0, 1, token, random.below(4 * token)]);
  return random.pick([0, 1, token, random.below(capacity * token + 1), capacity * token]);
}

describe.each(['kernel', ...stores.names])('on %s', (name) => {
  const make = (clock: ManualClock): Store =>
    name === 'kernel' ? new KernelStore(clock.read) : stores.make(name, clock);

  it('gives back less than plain subtraction would, which admits twice the capacity at once', async () => {
    const clock = new ManualClock(START);
    const [ten] = policies as [Policy];
    const { take, settle } = asker(make(clock), 'ada');
    const ids = [newReservationId(), newReservationId()] as const;
    expect(await take(ten, 10, hold(ids[0]))).toBe(true);
    clock.now += 10 * SECOND;
    expect(await take(ten, 10, hold(ids[1]))).toBe(true);
    expect(await settle({ id: ids[0], cost: 0, maxDebt: 0, lowers: true })).toBe(0n);
    expect(await take(ten, 1)).toBe(false);
    expect(await settle({ id: ids[1], cost: 4, maxDebt: 0, lowers: true })).toBe(-6_000_000n);
    expect(await take(ten, 6)).toBe(true);
    expect(await take(ten, 1)).toBe(false);
  });

  it('gives nothing back twice: what another settlement has taken out of the bucket is not there any more', async () => {
    const clock = new ManualClock(START);
    const twenty = tokenBucket({ capacity: 20, rate: '1/s' });
    const { take, settle, level } = asker(make(clock), 'ada');
    const ids = [newReservationId(), newReservationId()] as const;
    for (const id of ids) expect(await take(twenty, 10, hold(id))).toBe(true);
    expect(await settle({ id: ids[0], cost: 0, maxDebt: 0, lowers: true })).toBe(-10_000_000n);
    clock.now += 9 * SECOND;
    expect(await take(twenty, 10)).toBe(true);
    // All but one token of the other one has drained.
    expect(await settle({ id: ids[1], cost: 0, maxDebt: 0, lowers: true })).toBe(-1_000_000n);
    expect(await level(twenty)).toBe(10_000_000n);
  });

  it('does what the model does, tick for tick, and never admits what hindsight would refuse', async () => {
    const runs = name === 'Redis' ? effort(20, 300) : effort(60, 1200);
    const count = { back: 0, partly: 0, dropped: 0, debt: 0, bounded: 0, late: 0, twice: 0 };
    for (let seed = 1; seed <= runs; seed++) {
      const random = new Random(seed);
      const clock = new ManualClock(START);
      const policy = policies[seed % policies.length]!;
      const scale = scaleOf(policy);
      const { capacity, p } = scale;
      const subject = asker(make(clock), `${seed}`);
      const [model, hindsight] = [new SettlingModel(scale), new Hindsight(scale)];
      const [waits, steps, isBusy] = [random.chance(0.3), random.chance(0.3), random.chance(0.6)];
      const open: { id: string; cost: number; event: ReturnType<Hindsight['take']> }[] = [];
      const used: string[] = [];
      let time = 0n;
      for (let i = 0; i < 60; i++) {
        const forward = hop(random, scale, isBusy);
        clock.now += forward;
        time += BigInt(forward);
        if (steps && random.chance(0.1)) clock.now -= random.below(10 * SECOND);
        const now = BigInt(clock.now);
        const kind = random.below(10);
        if (kind < 4) {
          const [id, cost] = [newReservationId(), costOf(random, capacity)];
          const ttl = !steps && random.chance(0.1) ? 1 + random.below(SECOND) : TTL_MICROS;
          const taken = await subject.take(policy, cost, hold(id, ttl));
          expect(taken).toBe(model.take(BigInt(cost), now, { id, ttl: BigInt(ttl) }));
          if (taken) open.push({ id, cost, event: hindsight.take(BigInt(cost) * p, time) });
        } else if (kind < 6) {
          const [cost, patient] = [costOf(random, capacity), waits && random.chance(0.5)];
          const taken = await subject.take(policy, cost, patient ? { patience: {} } : {});
          expect(taken).toBe(model.take(BigInt(cost), now, { waits: patient }));
          if (taken) hindsight.take(BigInt(cost) * p, time);
        } else if (kind === 6) {
          const tokens = 1 + random.below(capacity);
          const before = model.level(now);
          const refunded = model.refund(BigInt(tokens), now);
          expect(await subject.refund(tokens)).toBe(refunded);
          if (refunded) hindsight.giveBack(before - model.level(now), time);
        } else if (open.length > 0) {
          const [{ id, cost, event }] = open.splice(random.below(open.length), 1) as [(typeof open)[number]];
          const actual = random.pick([0, cost, random.below(capacity + 1), random.below(3 * capacity)]);
          const maxDebt = random.pick([0, 1, capacity]);
          const expected = model.settle(id, BigInt(actual), maxDebt, now);
          expect(await subject.settle({ id, cost: actual, maxDebt, lowers: true })).toBe(expected);
          used.push(id);
          if (expected === undefined) count.late++;
          else event.ticks = BigInt(actual < cost ? actual : cost) * p + (expected > 0n ? expected : 0n);
          if (expected !== undefined && actual < cost) {
            if (expected === BigInt(actual - cost) * p) count.back++;
            else if (expected === 0n) count.dropped++;
            else count.partly++;
          } else if (expected !== undefined && actual > cost) {
            if (expected === BigInt(actual - cost) * p) count.debt++;
            else count.bounded++;
          }
        } else if (used.length > 0) {
          const id = random.pick(used);
          expect(model.settle(id, 0n, 0, now)).toBeUndefined();
          expect(await subject.settle({ id, cost: 0, maxDebt: 0, lowers: true })).toBeUndefined();
          count.twice++;
        }
        const level = model.level(now);
        expect(await subject.level(policy)).toBe(level);
        expect(level >= hindsight.level(time)).toBe(true);
      }
    }
    expect(Object.values(count).every((times) => times > 0)).toBe(true);
  });
});
