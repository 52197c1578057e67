import { leakyBucket, type RateLimiterService, tokenBucket } from '../../../lib/index.js';
import type { Random } from '../oracle/scenario.js';
import { mostly, type Shape, wrongOptions, wrongValue } from './values.js';

// Quick enough that nobody waits for long.
const chat = tokenBucket({ name: 'chat', capacity: 5, rate: 1000 });
const mail = leakyBucket({ name: 'mail', capacity: 5, rate: 1000 });
const plan = tokenBucket({ name: 'plan', limits: () => 'unlimited' });
const live = tokenBucket({ name: 'live', capacity: 5, rate: 5 });
const other = tokenBucket({ name: 'chat', capacity: 6, rate: 1000 });
const nameless = tokenBucket({ capacity: 5, rate: 5 });

type Make = (random: Random) => unknown;

const policy: Make = mostly<unknown>(
  chat,
  mail,
  'chat',
  'mail',
  plan,
  live,
  'live',
  other,
  nameless,
  'nobody',
);
/** Where a wait for tokens could be long, nobody waits. */
const quick: Make = mostly<unknown>(chat, mail, 'chat', 'mail');
const cost: Make = mostly<unknown>(undefined, 0, 1, 2, 5, 6, 2 ** 53 - 1);
const limits: Make = mostly<unknown>(
  undefined,
  undefined,
  { capacity: 5, rate: '5/s' },
  { capacity: 2 ** 53 - 1, rate: 1e-9 },
);
const maxWaitMs: Make = mostly<unknown>(undefined, 0, 1, 2);
const bucket: Shape = { cost, limits };

/** Who asks is told apart by seed, and some of the keys are hostile. */
export class Caller {
  constructor(
    private readonly random: Random,
    private readonly keys: readonly string[],
    private readonly limiter: RateLimiterService,
  ) {}

  /** One call of some method with whatever arguments. */
  call(): [string, Promise<unknown>] {
    const { random } = this;
    const [method, args] = random.pick(METHODS);
    const given = args.map((make) => make(random, this.keys));
    const call = this.limiter[method] as (...args: unknown[]) => unknown;
    return [`${method}(${given.map(shown).join(', ')})`, this.run(() => call.apply(this.limiter, given))];
  }

  // What is thrown at once is as good as a rejection.
  private async run(call: () => unknown): Promise<unknown> {
    return call();
  }
}

type Argument = (random: Random, keys: readonly string[]) => unknown;
type Method = Exclude<keyof RateLimiterService, 'announce'>;

const key: Argument = (random, keys) => (random.chance(0.9) ? random.pick(keys) : wrongValue(random));
const options =
  (shape: Shape): Argument =>
  (random) =>
    random.chance(0.3) ? undefined : wrongOptions(random, shape);
const requests =
  (of: Make): Argument =>
  (random, keys) => {
    if (random.chance(0.1)) return wrongValue(random);
    const shape = { ...bucket, policy: of, key: (it: Random) => key(it, keys) };
    return Array.from({ length: random.below(4) }, () => wrongOptions(random, shape, 0.9));
  };
/** What a task throws is its own affair. */
const task: Make = (random) => {
  const wrong = wrongValue(random);
  return random.chance(0.8) || typeof wrong === 'function' ? () => 1 : wrong;
};
const signal = mostly<unknown>(undefined, new AbortController().signal, AbortSignal.abort(new Error('gone')));
const report: Shape = {
  remaining: mostly<unknown>(0, 3, 2 ** 53 - 1),
  retryAfterMs: mostly<unknown>(0, 3, 2 ** 53 - 1),
  limit: mostly<unknown>(0, 5, 1000),
  decision: mostly<unknown>(undefined, { policy: 'chat', key: '' }),
  limits,
};
const reservation: Argument = (random, keys) =>
  wrongOptions(
    random,
    { policy: of(['chat', 'live']), key: (it) => key(it, keys), id: of(['x'.repeat(16), 'short']) },
    0.9,
  );
const of = (right: readonly unknown[]) => mostly(...right);

const waiting = { cost, maxWaitMs, signal };

const METHODS: readonly (readonly [Method, readonly Argument[]])[] = [
  ['consume', [policy, key, options(bucket)]],
  ['peek', [policy, key, options(bucket)]],
  ['consumeAll', [requests(policy)]],
  ['consumeAny', [requests(policy), options({ prefer: of([0, 1]) })]],
  ['acquire', [quick, key, options(waiting)]],
  ['acquireAny', [requests(quick), options({ prefer: of([0, 1]), maxWaitMs, signal })]],
  ['run', [quick, key, task, options(waiting)]],
  ['schedule', [quick, key, task, options({ cost, maxWaitMs, onError: of([() => undefined]) })]],
  ['progress', [policy, key]],
  ['refund', [policy, key, cost]],
  ['reserve', [policy, key, options({ ...bucket, ttlMs: of([1000, 5000]) })]],
  ['settle', [reservation, cost]],
  ['sync', [policy, key, options(report)]],
  ['block', [policy, key, options({ forMs: of([0, 1, 2 ** 43]), limits })]],
  ['unblock', [policy, key]],
  ['reset', [policy, key]],
  ['setLimits', [of([live, 'live', plan, 'nobody']), limits]],
  ['clearLimits', [of([live, 'live', plan])]],
  ['limitsOf', [policy]],
  ['shadowReport', []],
];

/** For the message of a failure. */
function shown(value: unknown): string {
  try {
    return `${typeof value} ${JSON.stringify(value)?.slice(0, 200)}`;
  } catch {
    return typeof value;
  }
}
