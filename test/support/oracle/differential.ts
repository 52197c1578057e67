import { type EntryResult, Oracle, type Stored } from './oracle.js';
import { type Operation, operations, type ScenarioPolicy, scenarioPolicies } from './scenario.js';

/** What is compared with the oracle. It knows the policies: `scenarioPolicies` of the same seed. */
export interface Subject {
  /** In order, as if one after another: a result per entry of a take or a peek, none for the others. */
  apply(operations: Operation[]): Promise<EntryResult[][]>;
}

export interface DifferentialOptions {
  readonly seed: number;
  readonly operations: number;
  /** Operations handed to the subject at a time. */
  readonly batch: number;
}

const NOTHING_YET = {
  admitted: 0,
  refused: 0,
  peeks: 0,
  refunds: 0,
  resets: 0,
  stacked: 0,
  /** Admitted stacks in which at least two shaping entries wait for one start. */
  sharedStarts: 0,
  delayed: 0,
  costZero: 0,
  costAboveCapacity: 0,
  /** Entries that fitted with nothing to spare. */
  exactlyFull: 0,
  /** Entries of token buckets that would have fitted one microsecond later. */
  nearMisses: 0,
  sameInstant: 0,
  stepsBack: 0,
  rebased: 0,
  reconfiguredSameTicks: 0,
  reconfiguredFaster: 0,
  reconfiguredSlower: 0,
  /** Levels past 2^53 - 1. */
  wideLevels: 0,
};

/** How often each kind of thing happened, so that a test can assert that it did. */
export type Coverage = typeof NOTHING_YET;

interface Step {
  readonly index: number;
  readonly operation: Operation;
  readonly expected: EntryResult[];
  /** The bucket of each key after the operation. */
  readonly after: ReadonlyArray<Stored | undefined>;
}

const HISTORY = 8;

/** Runs oracle and subjects side by side; throws at the first difference, with all it takes to repeat it. */
export async function runDifferential(
  subjects: Readonly<Record<string, Subject>>,
  options: DifferentialOptions,
): Promise<Coverage> {
  const run = new Run(options.seed);
  for (let done = 0; done < options.operations; done += options.batch) {
    const steps = run.advance(Math.min(options.batch, options.operations - done));
    for (const [name, subject] of Object.entries(subjects)) {
      run.compare(name, steps, await subject.apply(steps.map(({ operation }) => operation)));
    }
    run.forget();
  }
  return run.coverage;
}

/** The oracle's answer, in the form of a subject's. */
export function applyToOracle(
  oracle: Oracle,
  policies: readonly ScenarioPolicy[],
  operation: Operation,
): EntryResult[] {
  if (operation.kind === 'reset') {
    oracle.reset(operation.key);
    return [];
  }
  const now = BigInt(operation.at);
  if (operation.kind === 'refund') {
    oracle.refund(now, operation.key, policies[operation.policy], operation.cost);
    return [];
  }
  const entries = operation.entries.map((entry) => ({ ...entry, policy: policies[entry.policy] }));
  return oracle.take(now, entries, { peek: operation.kind === 'peek' }).entries;
}

class Run {
  readonly coverage: Coverage = { ...NOTHING_YET };
  private readonly oracle = new Oracle();
  private readonly policies: readonly ScenarioPolicy[];
  private readonly traffic: ReturnType<typeof operations>;
  private readonly history = new Map<string, Step[]>();
  private previous: EntryResult[] = [];
  private index = 0;
  private now = 0;

  constructor(private readonly seed: number) {
    this.policies = scenarioPolicies(seed);
    this.traffic = operations(seed);
  }

  advance(count: number): Step[] {
    return Array.from({ length: count }, () => this.step());
  }

  /** @throws where a subject has answered anything else than the oracle */
  compare(subject: string, steps: readonly Step[], actual: readonly EntryResult[][]): void {
    if (actual.length !== steps.length) {
      throw new Error(
        `seed ${this.seed}, ${subject}: ${actual.length} answers to ${steps.length} operations`,
      );
    }
    const place = steps.findIndex(({ expected }, i) => !same(expected, actual[i]));
    if (place !== -1) throw new Error(this.explain(subject, steps[place], actual[place]));
  }

  /** Histories grow within a batch only: the oracle is ahead of the subjects by that much. */
  forget(): void {
    for (const steps of this.history.values()) steps.splice(0, steps.length - HISTORY);
  }

  private explain(subject: string, { index, operation, expected }: Step, actual: EntryResult[]): string {
    const earlier = keysOf(operation).flatMap((key) => this.earlier(key, index));
    return [
      `seed ${this.seed}, operation ${index}: ${subject} is not the oracle`,
      `operation ${show(operation)}`,
      ...entriesOf(operation).map(({ policy }) => `policy ${policy} ${show(this.policies[policy])}`),
      `oracle  ${show(expected)}`,
      `${subject} ${show(actual)}`,
      ...earlier,
    ].join('\n');
  }

  private earlier(key: string, before: number): string[] {
    const steps = (this.history.get(key) ?? []).filter(({ index }) => index < before).slice(-HISTORY);
    const lines = steps.map(({ index, operation, expected, after }) => {
      const left = after[keysOf(operation).indexOf(key)];
      return `  ${index} ${show(operation)} → ${show(expected)}, leaving ${show(left ?? 'no record')}`;
    });
    return [`before it, on ${key}:`, ...lines];
  }

  private step(): Step {
    const operation = this.traffic.next(this.previous).value;
    this.observe(operation);
    const expected = applyToOracle(this.oracle, this.policies, operation);
    this.count(operation, expected);
    const keys = keysOf(operation);
    const after = keys.map((key) => this.oracle.stored(key));
    const step = { index: this.index++, operation, expected, after };
    for (const key of keys) this.remember(key, step);
    this.previous = expected;
    return step;
  }

  private remember(key: string, step: Step): void {
    const steps = this.history.get(key);
    if (steps === undefined) this.history.set(key, [step]);
    else steps.push(step);
  }

  /** Counts what can only be seen before the operation: the clock, and who wrote what is about to be read. */
  private observe(operation: Operation): void {
    if (operation.kind === 'reset') return;
    const { coverage, now } = this;
    if (operation.at === now) coverage.sameInstant++;
    if (operation.at < now) coverage.stepsBack++;
    this.now = operation.at;
    for (const { key, policy } of entriesOf(operation)) {
      const stored = this.oracle.stored(key);
      if (stored === undefined) continue;
      if (stored.at > operation.at) coverage.rebased++;
      if (operation.kind !== 'refund') countReader(coverage, stored, this.policies[policy]);
    }
  }

  private count(operation: Operation, results: EntryResult[]): void {
    const { coverage } = this;
    if (operation.kind === 'refund') coverage.refunds++;
    else if (operation.kind === 'reset') coverage.resets++;
    else {
      const allowed = results.every((result) => result.allowed);
      if (operation.kind === 'peek') coverage.peeks++;
      else coverage[allowed ? 'admitted' : 'refused']++;
      if (results.length > 1) coverage.stacked++;
      if (results.filter(({ delayMs }) => delayMs > 0).length > 1) coverage.sharedStarts++;
      operation.entries.forEach(({ policy, cost }, index) => {
        countResult(coverage, this.policies[policy], cost, results[index]);
      });
    }
  }
}

function countReader(coverage: Coverage, writer: Stored, reader: ScenarioPolicy): void {
  const difference = reader.tokens * writer.micros - writer.tokens * reader.micros;
  if (difference === 0n) return;
  if (reader.micros === writer.micros) coverage.reconfiguredSameTicks++;
  else coverage[difference > 0n ? 'reconfiguredFaster' : 'reconfiguredSlower']++;
}

function countResult(coverage: Coverage, policy: ScenarioPolicy, cost: number, result: EntryResult): void {
  const full = BigInt(policy.capacity) * policy.micros;
  const excess = result.level + BigInt(cost) * policy.micros - full;
  if (cost === 0) coverage.costZero++;
  if (cost > policy.capacity) coverage.costAboveCapacity++;
  else if (!policy.shapes && !result.allowed && excess <= policy.tokens) coverage.nearMisses++;
  if (cost > 0 && result.allowed && result.level === full) coverage.exactlyFull++;
  if (result.delayMs > 0) coverage.delayed++;
  if (result.level > BigInt(Number.MAX_SAFE_INTEGER)) coverage.wideLevels++;
}

function entriesOf(operation: Operation): ReadonlyArray<{ key: string; policy: number }> {
  if (operation.kind === 'reset') return [];
  return operation.kind === 'refund' ? [operation] : operation.entries;
}

function keysOf(operation: Operation): string[] {
  return operation.kind === 'reset' ? [operation.key] : entriesOf(operation).map(({ key }) => key);
}

function same(expected: EntryResult[], actual: EntryResult[]): boolean {
  return expected.length === actual.length && expected.every((result, index) => alike(result, actual[index]));
}

function alike(a: EntryResult, b: EntryResult): boolean {
  return (
    a.allowed === b.allowed &&
    a.level === b.level &&
    a.remaining === b.remaining &&
    a.retryAfterMs === b.retryAfterMs &&
    a.resetAfterMs === b.resetAfterMs &&
    a.delayMs === b.delayMs
  );
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? `${field}n` : field));
}
