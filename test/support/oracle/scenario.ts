import type { EntryResult, OraclePolicy } from './oracle.js';
import { oracleRate } from './rate.js';

export interface ScenarioPolicy extends OraclePolicy {
  /** What `tokens` per `micros` was parsed from, for a subject that parses for itself. */
  readonly rate: number | string;
}

export interface OperationEntry {
  readonly key: string;
  /** An index into the policies of the scenario. */
  readonly policy: number;
  readonly cost: number;
}

/** `at` is in microseconds. No key occurs twice in one operation. */
export type Operation =
  | { readonly kind: 'take' | 'peek'; readonly at: number; readonly entries: readonly OperationEntry[] }
  | ({ readonly kind: 'refund'; readonly at: number } & OperationEntry)
  | { readonly kind: 'reset'; readonly key: string };

// Jest makes each look-up of a global slow, and a run draws millions of numbers.
const { floor, imul } = Math;
// Far ahead of any real clock, so that a real expiry cannot interfere; the end leaves room below 2^53.
const [START, END] = [2100, 2220].map((year) => Date.UTC(year, 0) * 1000);
const DAY = 86_400_000_000;
const LARGEST = Number.MAX_SAFE_INTEGER;
const [FAMILIES, MEMBERS, FOCUS] = [80, 5, 5];

// biome-ignore format: one kind of awkwardness a line
const RATES: ReadonlyArray<number | string> = [
  '3/s', '999/s', '7/day', '1/day', '999983/day', '86399999/day',
  '100/min', '1000/h', '1000000/h', '13/17min', '30/10s', '0.5/s', '1/250ms',
  '1000000/s', '999999/s', '2500000/s', 1e9, 0.1, 100 / 60, 1 / 3, 0.001, Math.PI,
];
const CAPACITIES = [1, 1, 2, 3, 5, 7, 10, 10, 60, 100, 100, 1000, 12_345, 1e6, 1e9, 2 ** 40, LARGEST];

/** Pairs that chance hardly finds: levels past 2^53 once converted, rates with a hair between them. */
const PAIRS = [
  [1_000_000, '1000000/h', 100, '999983/day'],
  [1_000_000, '1000000/s', 1000, '7/day'],
  [10, '1/s', 10, '11/10s'],
] as const;

/** mulberry32: the same sequence for a seed everywhere. */
export class Random {
  constructor(private state: number) {}

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return floor(this.unit() * limit);
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** An integer from 1 to `limit`, each order of magnitude about equally often. */
  spread(limit: number): number {
    return Math.max(1, Math.min(limit, floor(limit ** this.unit())));
  }

  unit(): number {
    return ((this.word() >>> 5) * 2 ** 26 + (this.word() >>> 6)) / 2 ** 53;
  }

  private word(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    const mixed = imul(this.state ^ (this.state >>> 15), this.state | 1);
    const word = (mixed + imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return word ^ (word >>> 14);
  }
}

/** 400 policies, the quickest to fill first: families of five that stand in for each other on one key. */
export function scenarioPolicies(seed: number): ScenarioPolicy[] {
  const random = new Random(seed);
  const families = Array.from({ length: FAMILIES }, (_, index) => family(random, index));
  return families.sort(([a], [b]) => fillMicros(a) - fillMicros(b)).flat();
}

function family(random: Random, index: number): ScenarioPolicy[] {
  const shapes = random.chance(1 / 3);
  const pair = PAIRS[index];
  const [capacity, rate] = pair ?? [random.pick(CAPACITIES), random.pick(RATES)];
  const base = policy(random, capacity, rate, shapes);
  const other = random.chance(0.15) ? !shapes : shapes;
  const lower = Math.max(1, floor(base.capacity * random.unit()));
  const higher = Math.min(LARGEST, base.capacity * (2 + random.below(9)));
  return [
    base,
    policy(random, base.capacity, ticks(BigInt(random.spread(4 * Number(base.tokens))), base.micros), other),
    pair ? policy(random, pair[2], pair[3], other) : policy(random, lower, scaled(random, base), other),
    policy(random, higher, random.chance(0.3) ? base.rate : scaled(random, base), shapes),
    policy(random, random.chance(0.5) ? base.capacity : random.pick(CAPACITIES), random.pick(RATES), shapes),
  ];
}

/** The largest capacity not above this one, by halves, with which the rate fits. */
function policy(random: Random, capacity: number, rate: number | string, shapes: boolean): ScenarioPolicy {
  const parsed = oracleRate(rate, capacity);
  if (typeof parsed === 'string') return policy(random, Math.ceil(capacity / 2), rate, shapes);
  if (!shapes || random.chance(0.4)) return { capacity, rate, shapes, ...parsed };
  const maxWaitMicros = Math.ceil((fillMicros({ capacity, ...parsed }) / 1000) * random.unit()) * 1000;
  return { capacity, rate, shapes, ...parsed, maxWaitMicros };
}

/** A rate a hair's breadth or much faster or slower, and hardly ever with the same ticks. */
function scaled(random: Random, { tokens, micros }: OraclePolicy): string {
  const [up, down] = [random.spread(50), random.spread(50)];
  return ticks(tokens * BigInt(up), micros * BigInt(random.pick([down, down, up + 1, up - 1 || 2])));
}

function ticks(tokens: bigint, micros: bigint): string {
  return `${tokens * 1000n}/${micros}ms`;
}

/**
 * Endless traffic for the policies of the same seed. Each `next` wants the results of the operation before:
 * the interesting moments are the ones that a result named.
 */
export function* operations(seed: number): Generator<Operation, never, readonly EntryResult[]> {
  const traffic = new Traffic(new Random(seed ^ 0x5eed), scenarioPolicies(seed));
  for (let operation = traffic.next(); ; operation = traffic.next())
    traffic.learn(operation, yield operation);
}

class Traffic {
  private now = START + DAY;
  private ahead = this.now;
  private focus: number[] = [];
  private operationsLeft = 0;
  private followUp: (() => Operation) | undefined;
  private readonly homes = Array.from({ length: FAMILIES }, (_, family) => family * MEMBERS);
  private readonly remaining = new Map<string, number>();

  constructor(
    private readonly random: Random,
    private readonly policies: readonly ScenarioPolicy[],
  ) {}

  next(): Operation {
    if (this.operationsLeft-- === 0) this.refocus();
    const followUp = this.random.chance(0.6) ? this.followUp : undefined;
    this.followUp = undefined;
    return followUp?.() ?? this.fresh();
  }

  learn(operation: Operation, results: readonly EntryResult[]): void {
    if (operation.kind === 'refund' || operation.kind === 'reset') return;
    operation.entries.forEach(({ key }, index) => {
      this.remaining.set(key, results[index].remaining);
    });
    const waits = operation.entries.flatMap((entry, index) => this.moments(entry, results[index]));
    if (waits.length === 0) return;
    // All entries of a stack that refused are ready at the latest of their times.
    const wait = this.random.chance(0.5) ? Math.max(...waits) : this.random.pick(waits);
    this.followUp = () => this.again(operation, wait);
  }

  /** Waits, in microseconds, after which something about this entry changes. */
  private moments({ policy: index, cost }: OperationEntry, result: EntryResult): number[] {
    const { capacity, tokens, micros } = this.policies[index];
    const full = [result.resetAfterMs * 1000, Number((result.level + tokens - 1n) / tokens)];
    if (result.allowed) return this.random.chance(0.2) ? [this.random.pick(full)] : [];
    if (result.retryAfterMs === null) return [];
    const excess = Number((result.level - BigInt(capacity - cost) * micros) / tokens);
    return [result.retryAfterMs * 1000, result.retryAfterMs * 1000, Math.max(0, excess)];
  }

  /** The same once more, at exactly that moment or a hair's breadth off it, perhaps under other policies. */
  private again(operation: Operation & { kind: 'take' | 'peek' }, wait: number): Operation {
    const { random } = this;
    this.moveTo(operation.at + wait + random.pick([0, 0, 0, 0, -1, 1, 1, 2, -1000, 1000]));
    const kind = random.chance(0.85) ? 'take' : 'peek';
    if (random.chance(0.7)) return { ...operation, kind, at: this.now };
    const entries = operation.entries.map((entry) => ({ ...entry, policy: this.sibling(entry.policy) }));
    return { kind, at: this.now, entries };
  }

  private fresh(): Operation {
    const roll = this.random.unit();
    if (roll < 0.01) return { kind: 'reset', key: `key-${this.random.pick(this.focus)}` };
    this.moveTo(this.later());
    if (roll < 0.1) return { kind: 'refund', at: this.now, ...this.entry(this.random.pick(this.focus)) };
    const count = this.random.chance(0.7) ? 1 : 2 + this.random.below(3);
    const keys = new Set(Array.from({ length: count }, () => this.random.pick(this.focus)));
    const entries = [...keys].map((key) => this.entry(key));
    return { kind: roll < 0.22 ? 'peek' : 'take', at: this.now, entries };
  }

  private entry(family: number): OperationEntry {
    const { random } = this;
    // A key belongs to one policy, so that its bucket really fills; now and then it moves to another.
    if (random.chance(0.01)) this.homes[family] = this.sibling(this.homes[family]);
    const policy = random.chance(0.88) ? this.homes[family] : this.sibling(this.homes[family]);
    return { key: `key-${family}`, policy, cost: this.cost(`key-${family}`, this.policies[policy].capacity) };
  }

  /** Any policy of the same family. */
  private sibling(policy: number): number {
    return policy - (policy % MEMBERS) + this.random.below(MEMBERS);
  }

  private cost(key: string, capacity: number): number {
    const { random } = this;
    const remaining = this.remaining.get(key) ?? 1;
    const impossible = random.chance(0.7) ? Math.min(capacity + 1, LARGEST) : LARGEST;
    const [few, many] = [random.spread(10), random.spread(capacity)];
    if (random.chance(0.8)) return random.pick([1, 1, few, remaining || 1, many]);
    return random.pick([0, 0, Math.min(remaining + 1, LARGEST), capacity, impossible]);
  }

  /** A few keys that fill in about the same time, for a while: random keys would hardly ever be full. */
  private refocus(): void {
    const first = this.random.below(FAMILIES - FOCUS + 1);
    this.focus = Array.from({ length: FOCUS }, (_, index) => first + index);
    this.ahead = this.now;
    this.operationsLeft = 20 + this.random.below(100);
  }

  private later(): number {
    const { random, now } = this;
    const policy = this.policies[this.homes[this.focus[0]]];
    const fill = fillMicros(policy);
    const token = fill / policy.capacity;
    const back = [1, 1000, token, fill / 2, fill, DAY / 24, random.spread(1000 * DAY)];
    const tokens = random.pick([random.unit(), 3 * random.unit(), random.spread(policy.capacity)]);
    if (random.chance(0.4)) return now;
    if (random.chance(0.05)) return Math.max(now, this.ahead);
    if (random.chance(0.06)) return now - random.pick(back);
    if (random.chance(0.03)) return now + Math.max(fill, random.spread(400 * DAY));
    return now + random.pick([random.spread(1000), fill * random.unit(), token * tokens, token * tokens]);
  }

  private moveTo(at: number): void {
    // Past the end of time the clock jumps back too, and much.
    const next = at > END ? START + this.random.below(END - START) : Math.max(at, START);
    this.ahead = Math.max(this.ahead, this.now);
    this.now = Math.ceil(next);
  }
}

function fillMicros({ capacity, tokens, micros }: Omit<OraclePolicy, 'shapes'>): number {
  return (capacity * Number(micros)) / Number(tokens);
}
