import type { BucketRecord, Mark } from './bucket-record.js';
import type { EntryResult } from './oracle.js';
import { type OutboundDecision, OutboundModel, type Trace } from './outbound.js';
import { OutboundCounter, type OutboundCoverage } from './outbound-coverage.js';
import { type OutboundOperation, outboundPolicies, type Reference } from './outbound-scenario.js';
import { type Given, OutboundTraffic } from './outbound-traffic.js';
import { Random } from './scenario.js';

type Operation<Kind> = OutboundOperation & { readonly kind: Kind };

/** What is compared with the model. Marks and changes are its own: they are handed back as they came. */
export interface OutboundSubject<SubjectMark, Changes> {
  decide(operation: Operation<'decide'>): Promise<SubjectDecision<SubjectMark, Changes>>;
  sync(operation: Operation<'sync'>, mark: SubjectMark | undefined): Promise<EntryResult>;
  unblock(operation: Operation<'unblock'>): Promise<boolean>;
  refund(operation: Operation<'refund'>): Promise<void>;
  reset(operation: Operation<'reset'>): Promise<void>;
  undo(at: number, changes: readonly Changes[]): Promise<number>;
}

export interface SubjectDecision<SubjectMark, Changes> {
  readonly admitted: boolean;
  readonly chosen: number | undefined;
  readonly results: EntryResult[];
  readonly marks: readonly (SubjectMark | undefined)[];
  readonly changes: Changes;
}

export interface OutboundRun {
  readonly seed: number;
  readonly operations: number;
  readonly stepsBack: boolean;
}

interface Step {
  readonly index: number;
  readonly operation: OutboundOperation;
  readonly expected: unknown;
  readonly after: readonly (BucketRecord | undefined)[];
}

const NOTHING_GIVEN: Given = { admitted: false, retryAfterMs: [], marked: [], traced: false };
const HISTORY = 12;

/** Runs model and subject side by side; throws at the first difference, with all it takes to repeat it. */
export async function runOutbound<M, C>(
  subject: OutboundSubject<M, C>,
  run: OutboundRun,
): Promise<OutboundCoverage> {
  const duel = new Duel(subject, run);
  for (let done = 0; done < run.operations; done++) await duel.step();
  return duel.coverage;
}

class Duel<M, C> {
  private readonly model = new OutboundModel();
  private readonly counter = new OutboundCounter();
  private readonly traffic: OutboundTraffic;
  private readonly decisions = new Map<number, { model: OutboundDecision; subject: SubjectDecision<M, C> }>();
  private readonly history: Step[] = [];
  private index = 0;

  constructor(
    private readonly subject: OutboundSubject<M, C>,
    private readonly run: OutboundRun,
  ) {
    this.traffic = new OutboundTraffic(new Random(run.seed), this.model, run.stepsBack);
  }

  get coverage(): OutboundCoverage {
    return this.counter.coverage;
  }

  async step(): Promise<void> {
    const operation = this.traffic.next();
    for (const { key, policy } of placesOf(operation)) {
      this.counter.found(operation, this.model.stored(key), policy);
    }
    const { expected, actual, given } = await this.both(operation);
    if (show(expected) !== show(actual)) throw new Error(this.explain(operation, expected, actual));
    const after = this.keysOf(operation).map((key) => this.model.stored(key));
    this.history.push({ index: this.index, operation, expected, after });
    this.traffic.learn(operation, given);
    this.index++;
  }

  private async both(
    operation: OutboundOperation,
  ): Promise<{ expected: unknown; actual: unknown; given: Given }> {
    const { model, counter, subject } = this;
    const now = BigInt(operation.at);
    const nothing = { expected: undefined, actual: undefined, given: NOTHING_GIVEN };
    switch (operation.kind) {
      case 'decide':
        return this.decide(operation);
      case 'sync':
        return { ...(await this.sync(operation)), given: NOTHING_GIVEN };
      case 'unblock': {
        const was = model.unblock(now, operation.key);
        counter.coverage[was ? 'unblocked' : 'nothingToUnblock']++;
        return { expected: was, actual: await subject.unblock(operation), given: NOTHING_GIVEN };
      }
      case 'refund': {
        counter.refunded(operation, model.stored(operation.key));
        model.refund(now, operation.key, outboundPolicies[operation.policy]!, operation.cost);
        await subject.refund(operation);
        return nothing;
      }
      case 'reset':
        counter.coverage.resets++;
        model.reset(operation.key);
        await subject.reset(operation);
        return nothing;
      case 'undo': {
        const undone = model.undo(operation.of.flatMap((index) => this.tracesOf(index)));
        counter.undone(undone);
        const changes = operation.of.map((index) => this.decisions.get(index)!.subject.changes);
        return { expected: undone, actual: await subject.undo(operation.at, changes), given: NOTHING_GIVEN };
      }
    }
  }

  private async decide(operation: Operation<'decide'>) {
    const entries = operation.entries.map((entry) => ({ ...entry, policy: outboundPolicies[entry.policy]! }));
    const found = operation.entries.map(({ key }) => this.model.stored(key));
    const expected = this.model.decide(BigInt(operation.at), entries, operation);
    const actual = await this.subject.decide(operation);
    this.counter.decided(operation, expected, found);
    this.decisions.set(this.index, { model: expected, subject: actual });
    const marked = expected.marks.map((mark) => mark !== undefined);
    const given: Given = {
      admitted: expected.admitted,
      retryAfterMs: expected.results.map(({ retryAfterMs }) => retryAfterMs),
      marked,
      traced: expected.traces.length > 0,
    };
    return {
      expected: comparable(expected, marked),
      actual: comparable(
        actual,
        operation.entries.map((_, index) => actual.marks[index] !== undefined),
      ),
      given,
    };
  }

  private async sync(operation: Operation<'sync'>) {
    const { at, key, remaining, retryAfterMs = 0, forever } = operation;
    const [modelMark, subjectMark] = this.marksOf(operation.mark);
    const retryAfterMicros = forever ? BigInt(Number.MAX_SAFE_INTEGER) : BigInt(retryAfterMs) * 1000n;
    const found = this.model.stored(key);
    const report = { remaining, retryAfterMicros, mark: modelMark };
    const { result, synced } = this.model.sync(BigInt(at), key, outboundPolicies[operation.policy]!, report);
    this.counter.synced(operation, synced, found);
    return { expected: result, actual: await this.subject.sync(operation, subjectMark) };
  }

  private marksOf(reference: Reference | undefined): [Mark | undefined, M | undefined] {
    if (reference === undefined) return [undefined, undefined];
    const { model, subject } = this.decisions.get(reference.operation)!;
    return [model.marks[reference.entry], subject.marks[reference.entry]];
  }

  private tracesOf(index: number): Trace[] {
    return this.decisions.get(index)!.model.traces;
  }

  private keysOf(operation: OutboundOperation): string[] {
    if (operation.kind === 'undo')
      return operation.of.flatMap((index) => this.tracesOf(index).map(({ key }) => key));
    return placesOf(operation).map(({ key }) => key);
  }

  private explain(operation: OutboundOperation, expected: unknown, actual: unknown): string {
    const keys = this.keysOf(operation);
    const policies = new Set(placesOf(operation).map(({ policy }) => policy));
    const mark = operation.kind === 'sync' ? this.marksOf(operation.mark) : [];
    return [
      `seed ${this.run.seed}, operation ${this.index}: the subject is not the model`,
      `operation ${show(operation)}`,
      ...mark.map((one, index) => `${index === 0 ? 'model' : 'subject'}'s mark ${show(one)}`),
      ...[...policies].map((policy) => `policy ${policy} ${show(outboundPolicies[policy])}`),
      `model   ${show(expected)}`,
      `subject ${show(actual)}`,
      ...keys.flatMap((key) => this.earlier(key)),
    ].join('\n');
  }

  private earlier(key: string): string[] {
    const steps = this.history
      .filter(({ operation }) => this.keysOf(operation).includes(key))
      .slice(-HISTORY);
    const lines = steps.map(({ index, operation, expected, after }) => {
      const left = after[this.keysOf(operation).indexOf(key)];
      return `  ${index} ${show(operation)} → ${show(expected)}, leaving ${left ? show(plain(left)) : 'no record'}`;
    });
    return [`before it, on ${key}:`, ...lines];
  }
}

function comparable(
  { admitted, chosen, results }: SubjectDecision<unknown, unknown> | OutboundDecision,
  marked: boolean[],
) {
  return { admitted, chosen, results, marked };
}

/** The level in ticks, as a store has it. */
function plain({ level, ...record }: BucketRecord) {
  return { level: (level.num * record.micros) / level.den, ...record };
}

function placesOf(operation: OutboundOperation): readonly { key: string; policy: number }[] {
  if (operation.kind === 'undo') return [];
  return operation.kind === 'decide' ? operation.entries : [operation];
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? `${field}n` : field)) ?? 'nothing';
}
