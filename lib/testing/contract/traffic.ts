import type { Change, Hold, Take } from '../../algorithms/kernel.js';
import type { Limit, Patience } from '../../algorithms/limit.js';
import { FOREVER, type Mark } from '../../algorithms/record.js';
import type { Report } from '../../algorithms/report.js';
import type { Store, Transaction, TransactionReply } from '../../stores/store.interface.js';
import { bucket, line, SECOND, take, token } from './bench.js';
import type { Random } from './random.js';

/** One call of a store, and how it reads in a message. */
export interface Operation {
  readonly text: string;
  /** How far the clock moves before it. */
  readonly step: number;
  readonly call: (store: Store) => unknown;
}

const NAMES = ['a', 'b', 'c'];
/** With one tick and with others, so that buckets change their scale. */
const LIMITS: readonly Limit[] = [
  token(5, 1),
  token(3, 2),
  token(8, '3/7s'),
  token(99_991, '7/day'),
  line(4, 1),
  line(6, '10/3s'),
];

/** Endless calls for a few buckets, made of what earlier ones have answered. */
export class Traffic {
  private readonly marks: (Mark | undefined)[] = [undefined];
  private readonly changes: Change[][] = [];

  private readonly reserved: { readonly name: string; readonly id: string }[] = [];
  private reservations = 0;

  constructor(private readonly random: Random) {}

  next(): Operation {
    const { random } = this;
    const [text, call] = random.pick([
      ...Array(6).fill(() => this.decide()),
      () => this.refund(),
      () => this.settle(),
      () => this.settle(),
      () => this.undo(),
      () => this.report(),
      () => this.forget(),
    ] as (() => [string, Operation['call']])[])();
    return { text, step: this.step(), call };
  }

  learn(replies: readonly TransactionReply[]): void {
    for (const { marks, changes } of replies) {
      this.marks.push(...marks);
      if (changes.length > 0) this.changes.push([...changes]);
    }
    this.marks.splice(0, this.marks.length - 8);
    this.changes.splice(0, this.changes.length - 4);
  }

  private step(): number {
    const { random } = this;
    if (random.chance(50)) return 0;
    if (random.chance(4)) return -random.below(20 * SECOND);
    return random.pick([1, random.below(1000), random.below(SECOND), random.below(9 * SECOND)]);
  }

  private decide(): [string, Operation['call']] {
    const transactions = Array.from({ length: 1 + this.random.below(3) }, () => this.transaction());
    return [`decide ${JSON.stringify(transactions)}`, (store) => store.decide(transactions)];
  }

  private transaction(): Transaction {
    const { random } = this;
    const names = NAMES.filter(() => random.chance(50));
    const takes = (names.length === 0 ? ['a'] : names).map((name) => this.take(name));
    return {
      takes,
      peek: random.chance(15),
      counted: random.chance(50),
      revocable: random.chance(50),
      ...(random.chance(20) ? { pick: random.chance(50) ? { prefer: random.below(takes.length) } : {} } : {}),
    };
  }

  private take(name: string): Take {
    const { random } = this;
    const patience: Patience = random.chance(50) ? {} : { maxWaitMicros: random.below(5 * SECOND) };
    const cost = random.pick([0, 1, 1, 1, 2, 3, 1 + random.below(9)]);
    const one = take(random.pick(LIMITS), name, cost, random.chance(30) ? patience : undefined);
    return random.chance(30) ? { ...one, reserve: this.reserve(name) } : one;
  }

  /** It is not due before the end of all: whether it still is when a clock has stepped back, no store promises. */
  private reserve(name: string): Hold {
    const id = `reservation-${String(this.reservations++).padStart(4, '0')}`;
    this.reserved.push({ name, id });
    this.reserved.splice(0, this.reserved.length - 12);
    return { id, ttlMicros: 86_400 * SECOND };
  }

  private settle(): [string, Operation['call']] {
    const { random } = this;
    const { name, id } = random.pick([...this.reserved, { name: 'a', id: 'never-reserved-0' }]);
    const maxDebt = random.pick([undefined, 0, 3]);
    const actual = { id, cost: random.below(9), maxDebt, lowers: random.chance(90) };
    return [`settle ${JSON.stringify(actual)} of ${name}`, (store) => store.settle(bucket(name), actual)];
  }

  private refund(): [string, Operation['call']] {
    const [name, tokens] = [this.random.pick(NAMES), 1 + this.random.below(4)];
    return [`refund ${tokens} to ${name}`, (store) => store.refund(bucket(name), tokens)];
  }

  private undo(): [string, Operation['call']] {
    const some = [...this.changes].reverse().slice(0, 1 + this.random.below(3));
    const changes = this.random.chance(80) ? some.flat() : some.flat().reverse();
    return [`undo ${JSON.stringify(changes)}`, (store) => store.undo(changes)];
  }

  private report(): [string, Operation['call']] {
    const { random } = this;
    const name = random.pick(NAMES);
    const block = random.pick([0, 0, 0, random.below(5 * SECOND), random.chance(20) ? FOREVER : 0]);
    const report: Report = {
      scale: random.pick(LIMITS).scale,
      missing: random.chance(20) ? undefined : random.below(8) - 1,
      mark: random.pick(this.marks),
      lowers: random.chance(80),
      block,
    };
    return [`report ${JSON.stringify(report)} to ${name}`, (store) => store.report(bucket(name), report)];
  }

  private forget(): [string, Operation['call']] {
    const key = bucket(this.random.pick(NAMES));
    return this.random.chance(70)
      ? [`unblock ${key}`, (store) => store.unblock(key)]
      : [`reset ${key}`, async (store) => void (await store.reset(key))];
  }

  /** All of its buckets, as they are told when one looks. */
  static readonly keys = NAMES.map(bucket);
}
