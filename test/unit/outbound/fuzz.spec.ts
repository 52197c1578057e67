// Whatever a provider, or somebody who plays it, sends: no reader throws, and every number is one.
import { expect, it } from '@jest/globals';
import * as reports from '../../../lib/outbound/reports/index.js';
import { hostileTexts } from '../../support/hostile-texts.js';
import { Random } from '../../support/oracle/scenario.js';

const SETS = 10_000;
const READERS = Object.values(reports);
const MEMBERS = ['remaining', 'limit', 'retryAfterMs', 'resetAfterMs'];
const STATUSES = [undefined, 200, 302, 403, 429, 503];
const NOWS = [0, 1.5, 1_700_000_000_000, -1, Number.NaN, Number.POSITIVE_INFINITY];
// biome-ignore format: one field a word
const NAMES = [
  'date', 'retry-after', 'retry-after-ms', 'ratelimit', 'ratelimit-policy', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset',
  'x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'x-ratelimit-reset-after', 'x-rate-limit-remaining', 'x-rate-limit-reset',
  'x-ratelimit-limit-requests', 'x-ratelimit-remaining-requests', 'x-ratelimit-reset-requests', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-tokens',
  'x-shopify-shop-api-call-limit', 'x-github-request-id',
];
// biome-ignore format: one kind a line
const PIECES = [
  '0', '1', '-1', '-0', '5.5', '1e400', '1e-400', 'NaN', 'Infinity', '0x10', '1700000060', '1700000060001', '999999999999999', '9'.repeat(400),
  '9007199254740993', ',', ', ', ';', '=', '"', '/', '32/40', ' ', 's', 'm', 'ms', 'h', '1h2m3.5s', '6m0s', 'µs',
  '"a";r=5;t=3', '"a";r=-5;t=1e9', '"b";r=0', ';q=5', 'limit=5', 'remaining=3', 'reset=-3', '("a" "b");r=1', ':AA==:', '@1', '?1', '%"%ff"', '%"%zz"', ':::',
  'Wed, 21 Oct 2026 07:28:00 GMT', 'Wednesday, 21-Oct-26 07:28:00 GMT', 'Wed Oct 21 07:28:00 2026', 'Wed, 99 Oct 9999 99:99:99 GMT',
];
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1e21,
  1e308,
  5e-324,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];
const OTHERS = [undefined, null, true, {}, [], [[]], ['5', null, 3], Symbol('x'), 5n, () => 5];

const texts = hostileTexts(400);

function makeSet(random: Random) {
  const text = () => Array.from({ length: 1 + random.below(4) }, () => random.pick(PIECES)).join('');
  const makers: (() => unknown)[] = [
    text,
    text,
    text,
    text,
    () => [text(), text()],
    () => random.pick(NUMBERS),
    () => random.pick(OTHERS),
    () => random.pick(texts),
  ];
  const value = () => random.pick(makers)();
  const headers: Record<string, unknown> = {};
  for (let n = random.below(8); n >= 0; n--) headers[random.pick(NAMES)] = value();
  const number = () => random.pick<unknown>([...NUMBERS, ...OTHERS, '5', 100, 1000]);
  const throttleStatus = { maximumAvailable: number(), currentlyAvailable: number(), restoreRate: number() };
  const cost = { requestedQueryCost: number(), actualQueryCost: number(), throttleStatus };
  const body = random.pick<unknown>([
    undefined,
    value(),
    { message: value() },
    { extensions: value() },
    { extensions: { cost } },
  ]);
  return { response: { status: random.pick(STATUSES), headers, body }, now: random.pick(NOWS) };
}

it(`no reader is led astray by ${SETS} sets of headers`, () => {
  const random = new Random(20_260_101);
  const wrong: unknown[] = [];
  let told = 0;
  for (let set = 0; set < SETS; set++) {
    const { response, now } = makeSet(random);
    for (const read of READERS) {
      const report = read(response, now);
      if (report === undefined) continue;
      told += 1;
      const entries = Object.entries(report);
      const sound = entries.every(([name, n]) => MEMBERS.includes(name) && Number.isSafeInteger(n) && n >= 0);
      if (!sound || entries.length === 0) wrong.push({ set, reader: read.name, report });
    }
  }
  expect(wrong).toEqual([]);
  // Sets that say nothing prove nothing.
  expect(told).toBeGreaterThan(SETS / 2);
});

it.each(NAMES)('a megabyte of %s costs nothing', (name) => {
  for (const unit of ['1', '1s', '1,', '"a";r=1, ', ' ', ';', 'a', '1/']) {
    const headers = { [name]: unit.repeat(2 ** 20 / unit.length) };
    const started = performance.now();
    for (const read of READERS)
      expect(read({ status: 429, headers }, 0)).toEqual(read({ status: 429, headers: {} }, 0));
    expect(performance.now() - started).toBeLessThan(2000);
  }
});
