import { describe, expect, it } from '@jest/globals';
import type { Change } from '../../lib/algorithms/kernel.js';
import type { Judgement } from '../../lib/limiter/judgement.js';
import { Limiter } from '../../lib/limiter/limiter.js';
import { leakyBucket, tokenBucket } from '../../lib/options/make-policy.js';
import type { Policy } from '../../lib/options/policy.js';
import type { Store } from '../../lib/stores/store.interface.js';
import { effort } from '../support/effort.js';
import { ManualClock } from '../support/manual-clock.js';
import {
  add,
  ceil,
  compare,
  divide,
  floor,
  max,
  min,
  multiply,
  type Rational,
  ratio,
  subtract,
  whole,
  ZERO,
} from '../support/oracle/rational.js';
import { Random } from '../support/oracle/scenario.js';
import { useStores } from '../support/stores.js';

// One for every 40 of the other suites: these are sequential, for a place is undone by what its reply has said.
const OPERATIONS = Number(process.env.FLOODGATE_OPERATIONS ?? effort(120_000, 2_000_000)) / 40;
const TIMEOUT = 60_000 + 10 * OPERATIONS;
const SEED = Number(process.env.FLOODGATE_SEED ?? 20_260_101);
const START = Date.UTC(2100, 0) * 1000;

/** A bucket of the run, in its own terms: so many tokens in so many microseconds. */
interface Setting {
  readonly policy: Policy;
  readonly capacity: number;
  readonly rate: Rational;
  readonly shapes: boolean;
}

function setting(shapes: boolean, capacity: number, rate: string, tokens: number, micros: number): Setting {
  const policy = shapes ? leakyBucket({ capacity, rate }) : tokenBucket({ capacity, rate });
  return { policy, capacity, rate: ratio(BigInt(tokens), BigInt(micros)), shapes };
}

const settings: readonly Setting[] = [
  setting(false, 1, '3/s', 3, 1e6),
  setting(false, 5, '7/min', 7, 60e6),
  setting(false, 10, '1000/s', 1000, 1e6),
  setting(false, 100, '13/17min', 13, 17 * 60e6),
  setting(false, 3, '2500000/s', 5, 2),
  setting(false, 1000, '999983/day', 999_983, 86_400e6),
  setting(true, 7, '3/s', 3, 1e6),
  setting(true, 20, '999/s', 999, 1e6),
];

/** Undefined: it does not wait. */
type Patience = { readonly maxWaitMicros?: number } | undefined;

interface Stored {
  readonly level: Rational;
  readonly at: bigint;
  readonly last: bigint;
}

/** What was found and what was left, to be undone. */
interface Trace {
  readonly before: Stored | undefined;
  readonly after: Stored;
}

interface Answer {
  readonly admitted: boolean;
  /** Microseconds until the start of what was admitted. */
  readonly wait: number;
  readonly level: Rational;
  readonly remaining: number;
  readonly retryAfterMs: number | null;
  readonly resetAfterMs: number;
  readonly trace?: Trace;
}

/** What a bucket must do, in tokens and exact fractions, without ticks. */
class Model {
  private stored: Stored | undefined;

  constructor(private readonly setting: Setting) {}

  take(now: bigint, cost: number, patience: Patience): Answer {
    const level = this.levelAt(now);
    const { capacity, rate, shapes } = this.setting;
    const free = whole(capacity - cost);
    const bound = this.bound(free, patience);
    if (cost > capacity || compare(level, bound) > 0) {
      const retryAfterMs = cost > capacity ? null : this.ms(subtract(level, bound));
      return { admitted: false, wait: 0, ...this.tell(level), retryAfterMs };
    }
    const waits = shapes || patience !== undefined;
    const excess = shapes ? level : subtract(level, free);
    const wait = waits ? ceil(divide(max(excess, ZERO), rate)) : 0n;
    const after = { level: add(level, whole(cost)), at: now, last: this.last(now, wait) };
    const trace = { before: this.stored, after };
    if (cost > 0) this.stored = after;
    const admitted = { admitted: true, wait: Number(wait), ...this.tell(after.level), retryAfterMs: 0 };
    return cost > 0 ? { ...admitted, trace } : admitted;
  }

  refund(now: bigint, cost: number): void {
    if (this.setting.shapes) return;
    const level = this.levelAt(now);
    const { stored } = this;
    if (stored === undefined || compare(level, ZERO) === 0) this.stored = undefined;
    else if (stored.last <= now) {
      const left = subtract(stored.level, whole(cost));
      const isFull = compare(subtract(level, whole(cost)), ZERO) <= 0;
      this.stored = isFull ? undefined : { ...stored, level: left };
    }
  }

  undo(traces: readonly Trace[]): number {
    let undone = 0;
    for (const { before, after } of traces) {
      const { stored } = this;
      if (!stored || compare(stored.level, after.level) !== 0) continue;
      if (stored.at !== after.at || stored.last !== after.last) continue;
      this.stored = before;
      undone++;
    }
    return undone;
  }

  /** The highest level at which a take is admitted. */
  private bound(free: Rational, patience: Patience): Rational {
    const { capacity, rate, shapes } = this.setting;
    const { maxWaitMicros } = patience ?? {};
    const waited = maxWaitMicros === undefined ? undefined : multiply(rate, whole(maxWaitMicros));
    if (shapes) return waited === undefined ? free : min(free, waited);
    return patience === undefined ? free : add(free, waited ?? whole(capacity));
  }

  private last(now: bigint, wait: bigint): bigint {
    const last = this.stored?.last ?? 0n;
    const promised = now + wait;
    const later = wait > 0n && promised > last ? promised : last;
    return later > now ? later : 0n;
  }

  /** The level now; a record ahead of the clock is moved back to it. */
  private levelAt(now: bigint): Rational {
    const { stored } = this;
    if (stored === undefined) return ZERO;
    const ahead = stored.at - now;
    if (ahead > 0n) {
      this.stored = { ...stored, at: now, last: stored.last === 0n ? 0n : stored.last - ahead };
      return stored.level;
    }
    return max(ZERO, subtract(stored.level, multiply(this.setting.rate, whole(-ahead))));
  }

  private tell(level: Rational) {
    const left = floor(subtract(whole(this.setting.capacity), level));
    return { level, remaining: Math.max(0, Number(left)), resetAfterMs: this.ms(level) };
  }

  private ms(tokens: Rational): number {
    return Number(ceil(divide(tokens, multiply(this.setting.rate, whole(1000)))));
  }
}

/** A place that may be given up, on both sides. */
interface Place {
  readonly trace: Trace;
  readonly changes: readonly Change[];
  readonly event: Event;
}

/** So many tokens started at an exact time in microseconds, or were given back: then they are negative. */
interface Event {
  readonly time: Rational;
  readonly startsAt: number;
  readonly tokens: number;
  gone?: true;
}

const NOTHING_YET = {
  immediate: 0,
  waited: 0,
  refused: 0,
  refusedWhileWaiting: 0,
  never: 0,
  costZero: 0,
  refunds: 0,
  refundsDropped: 0,
  undone: 0,
  notUndone: 0,
  undoneTogether: 0,
  stepsBack: 0,
};

/** One bucket, on a store and in the model. */
class Duel {
  readonly events: Event[] = [];
  readonly model: Model;
  /** Places whose start lay ahead when they were taken, the latest last. */
  readonly places: Place[] = [];
  private waitingUntil = 0;

  constructor(
    private readonly limiter: Limiter,
    private readonly store: Store,
    readonly setting: Setting,
    private readonly key: string,
    private readonly count: typeof NOTHING_YET,
  ) {
    this.model = new Model(setting);
  }

  async take(now: number, cost: number, patience: Patience): Promise<void> {
    const expected = this.model.take(BigInt(now), cost, patience);
    const judgement = await this.limiter.decide([
      { ...this.charge(cost), ...(patience ? { patience } : {}) },
    ]);
    const { trace, ...answer } = expected;
    expect(this.read(judgement)).toEqual(answer);
    this.tally(now, cost, expected);
    const waits = this.setting.shapes || patience !== undefined;
    expect(judgement.changes.length).toBe(waits && trace ? 1 : 0);
    if (!expected.admitted || cost === 0) return;
    const event = this.eventOf(now, cost, expected);
    this.events.push(event);
    if (trace && expected.wait > 0) this.places.push({ trace, changes: judgement.changes, event });
    this.waitingUntil = Math.max(this.waitingUntil, event.startsAt);
  }

  async refund(now: number, cost: number): Promise<void> {
    this.model.refund(BigInt(now), cost);
    const given = await this.limiter.refund(this.charge(cost));
    this.count[given ? 'refunds' : 'refundsDropped']++;
    if (given) this.events.push({ time: whole(now), startsAt: now, tokens: -cost });
  }

  async undo(chosen: readonly Place[]): Promise<void> {
    const expected = this.model.undo(chosen.map(({ trace }) => trace));
    const undone = await this.store.undo(chosen.flatMap(({ changes }) => changes));
    expect(undone).toBe(expected);
    this.count[undone > 0 ? 'undone' : 'notUndone']++;
    if (undone > 1) this.count.undoneTogether++;
    // Whoever has left never starts, whether or not the place could be undone.
    for (const { event } of chosen) event.gone = true;
  }

  private charge(cost: number) {
    return { placed: { id: 'reservation', policy: this.setting.policy }, key: this.key, cost };
  }

  private read({ admitted, waitMs, outcomes }: Judgement): object {
    const { level, decision } = outcomes[0]!;
    const { remaining, retryAfterMs, resetAfterMs, delayMs } = decision;
    expect([decision.allowed, delayMs]).toEqual([admitted, Math.ceil(waitMs)]);
    const tokens = ratio(BigInt(level), BigInt(this.setting.policy.limit!.scale.ticksPerToken));
    return {
      admitted,
      wait: Math.round(waitMs * 1000),
      level: tokens,
      remaining,
      retryAfterMs,
      resetAfterMs,
    };
  }

  private tally(now: number, cost: number, { admitted, wait, retryAfterMs }: Answer): void {
    if (retryAfterMs === null) this.count.never++;
    else if (!admitted) this.count[now < this.waitingUntil ? 'refusedWhileWaiting' : 'refused']++;
    else if (cost === 0) this.count.costZero++;
    else this.count[wait > 0 ? 'waited' : 'immediate']++;
  }

  /** When it starts, not rounded up to a microsecond. */
  private eventOf(now: number, cost: number, { level, wait }: Answer): Event {
    const { capacity, rate, shapes } = this.setting;
    const threshold = shapes ? cost : capacity;
    const excess = wait > 0 ? subtract(level, whole(threshold)) : ZERO;
    return { time: add(whole(now), divide(max(excess, ZERO), rate)), startsAt: now + wait, tokens: cost };
  }
}

/**
 * Fails where some window holds more than `capacity + rate × window`: a bucket of that size, filled by what has started
 * and lowered by what was given back, then passes its capacity at the end of that window.
 */
function checkWindows({ events, setting: { capacity, rate } }: Duel): void {
  const ordered = events.filter(({ gone }) => gone === undefined);
  ordered.sort((a, b) => compare(a.time, b.time));
  let [level, time] = [ZERO, whole(START)];
  for (const event of ordered) {
    // A start in whole microseconds is never early, and late by less than one.
    const late = subtract(whole(event.startsAt), event.time);
    expect(compare(late, ZERO) >= 0 && compare(late, whole(1)) < 0).toBe(true);
    level = max(ZERO, subtract(level, multiply(rate, subtract(event.time, time))));
    level = max(ZERO, add(level, whole(event.tokens)));
    time = event.time;
    if (compare(level, whole(capacity)) > 0) {
      throw new Error(`${level.num}/${level.den} of ${capacity} tokens at ${event.startsAt}`);
    }
  }
}

/** Whose clients leave: mostly the latest that wait, else any of them, and now and then one that has left before. */
function leavers(random: Random, places: readonly Place[], now: number): Place[] {
  const left = places.filter(({ event }) => event.gone).slice(-1);
  const waiting = places.filter(({ event }) => event.startsAt > now && !event.gone);
  if (waiting.length === 0) return left;
  if (random.chance(0.6)) return waiting.slice(-1 - random.below(3)).reverse();
  const chosen = [random.pick(waiting), random.pick(waiting)];
  return random.chance(0.2) ? [...chosen, ...left] : chosen;
}

async function run(store: (clock: ManualClock) => Store, seed: number, stepsBack: boolean) {
  const random = new Random(seed);
  const clock = new ManualClock(START);
  const tested = store(clock);
  const limiter = new Limiter(tested);
  const count = { ...NOTHING_YET };
  const duels = settings.map((own, i) => new Duel(limiter, tested, own, `${seed}-${i}`, count));
  // Buckets take turns, each with traffic of its own pace.
  for (let done = 0; done < OPERATIONS; ) {
    const duel = random.pick(duels);
    const { capacity, rate } = duel.setting;
    const tokenMicros = Math.max(1, Number(ceil(divide(whole(1), rate))));
    for (let burst = 20; burst > 0 && done < OPERATIONS; burst--, done++) {
      if (random.chance(0.6))
        clock.now += random.below(random.chance(0.1) ? 3 * capacity * tokenMicros : 2 * tokenMicros);
      if (stepsBack && random.chance(0.05)) {
        clock.now -= random.spread(5 * capacity * tokenMicros);
        count.stepsBack++;
      }
      const kind = random.unit();
      const cost = random.chance(0.05) ? 0 : random.chance(0.02) ? capacity + 1 : random.spread(capacity);
      if (kind < 0.5) await duel.take(clock.now, cost, patienceOf(random, capacity * tokenMicros));
      else if (kind < 0.7) await duel.take(clock.now, cost, undefined);
      else if (kind < 0.8) await duel.refund(clock.now, random.spread(capacity));
      else await duel.undo(leavers(random, duel.places, clock.now));
      if (duel.places.length > 100) duel.places.splice(0, 50);
    }
  }
  if (!stepsBack) for (const duel of duels) checkWindows(duel);
  return count;
}

function patienceOf(random: Random, fillMicros: number): Patience {
  const kind = random.below(4);
  if (kind === 0) return {};
  return { maxWaitMicros: kind === 1 ? random.below(fillMicros) : random.spread(4 * fillMicros) };
}

const stores = useStores();

describe.each(stores.names)('callers that wait, leave and give back, on %s', (name) => {
  it(
    'are answered as by exact fractions, and never start more than capacity + rate × window',
    async () => {
      const count = await run((clock) => stores.make(name, clock), SEED, false);
      const { stepsBack, ...expected } = count;
      expect(stepsBack).toBe(0);
      // The run is worth its time only if everything that can happen did.
      for (const [what, times] of Object.entries(expected))
        expect([what, times > OPERATIONS / 500]).toEqual([what, true]);
    },
    TIMEOUT,
  );

  it(
    'are answered as by exact fractions when the clock steps back',
    async () => {
      expect((await run((clock) => stores.make(name, clock), SEED + 1, true)).stepsBack).toBeGreaterThan(
        OPERATIONS / 50,
      );
    },
    TIMEOUT,
  );

  it('take their cost and no more where they start at once', async () => {
    const clock = new ManualClock(START);
    const store = stores.make(name, clock);
    const limiter = new Limiter(store);
    const placed = { id: 'at once', policy: tokenBucket({ capacity: 10, rate: '1/s' }) };
    const acquire = (cost: number) => limiter.decide([{ placed, key: 'key', cost, patience: {} }]);
    expect(await acquire(3)).toMatchObject({ waitMs: 0, outcomes: [{ decision: { remaining: 7 } }] });
    const { waitMs, changes, outcomes } = await acquire(7);
    expect([waitMs, outcomes[0]?.decision.remaining]).toEqual([0, 0]);
    expect(await store.undo(changes)).toBe(1);
    expect(await acquire(5)).toMatchObject({ waitMs: 0, outcomes: [{ decision: { remaining: 2 } }] });
  });
});
