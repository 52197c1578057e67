import type { Random } from '../oracle/scenario.js';

/** What nobody should pass, and somebody will: of every type, and objects that fight back. Made anew each time. */
// biome-ignore format: one kind of awkwardness a line
const MAKERS: readonly (() => unknown)[] = [
  () => undefined, () => null, () => true, () => false,
  () => Number.NaN, () => Number.POSITIVE_INFINITY, () => Number.NEGATIVE_INFINITY, () => -0, () => 0, () => 1, () => -1,
  () => 0.5, () => 1e-9, () => 5e-324, () => 1e21, () => Number.MAX_VALUE, () => 2 ** 31, () => 2 ** 53, () => 2 ** 53 - 1,
  () => 0n, () => 10n ** 400n, () => Symbol('s'), () => Symbol.iterator,
  () => '', () => ' ', () => '5', () => '5/s', () => '0/s', () => '1/0s', () => '-1/s', () => `${'9'.repeat(400)}/s`,
  () => '1e3/s', () => '5/s\n', () => '5/0.000001s', () => '٥/s',
  () => '__proto__', () => 'constructor', () => 'toString', () => 'chat', () => '\ud800', () => 'x'.repeat(10_000), () => '\r\nInjected: yes',
  () => [], () => [1], () => [undefined], () => ['a', 'b'], () => new Array(5), () => [[[[]]]],
  () => ({}), () => Object.create(null), () => JSON.parse('{"__proto__":{"capacity":1,"rate":1}}'), () => ({ capacity: 1 }),
  () => ({ length: 5 }), () => ({ capacity: 3, rate: '3/s', more: 1 }), () => ({ constructor: 5 }),
  () => ({ constructor: { name: Symbol('name') } }), () => ({ constructor: { name: {} } }), () => ({ constructor: null }),
  () => ({ get constructor() { throw new Error('constructor'); } }),
  () => ({ toString() { throw new Error('toString'); }, valueOf() { throw new Error('valueOf'); } }),
  () => ({ toString: null, [Symbol.toPrimitive]: 5 }), () => ({ toJSON() { throw new Error('toJSON'); } }),
  () => new Date(Number.NaN), () => new Map([['capacity', 1]]), () => /x/g, () => new Error('wrong'), () => new Uint8Array(4),
  () => Object(5), () => Object('5/s'), () => Object(1n), () => new WeakMap(), () => globalThis, () => cyclic(),
  () => () => 1, () => async () => 1, () => class Nobody {}, () => (() => 1).bind(null), () => function* turns() { yield 1; },
  () => nameless({}), () => nameless(Symbol('name')), () => nameless(undefined), () => Promise.resolve(1), () => new AbortController().signal,
];

function cyclic(): object {
  const self: Record<string, unknown> = {};
  self.self = self;
  return self;
}

const nameless = (name: unknown) => Object.defineProperty(() => 1, 'name', { value: name });

export const wrongValue = (random: Random): unknown => random.pick(MAKERS)();

/** One of the right values, or now and then a wrong one. */
export const mostly =
  <T>(...right: readonly T[]) =>
  (random: Random): T =>
    (random.chance(0.8) ? random.pick(right) : wrongValue(random)) as T;

export type Shape = Readonly<Record<string, (random: Random) => unknown>>;

/** Some of the options that there are, with right and wrong values; now and then one that does not exist, or no object at all. */
export function wrongOptions(random: Random, shape: Shape, share = 0.3): unknown {
  if (random.chance(0.02)) return wrongValue(random);
  const chosen = Object.keys(shape).filter(() => random.chance(share));
  const options = Object.fromEntries(chosen.map((name) => [name, shape[name]?.(random)]));
  if (random.chance(0.05)) options[random.pick(ODD_NAMES)] = wrongValue(random);
  return options;
}

const ODD_NAMES = [
  'capcity',
  'Rate',
  '',
  '__proto__x',
  'constructor',
  'toString',
  '\ud800',
  'x'.repeat(1000),
];
