import { expect, it } from '@jest/globals';
import { makeLedgers } from '../../../lib/guard/ledgers.js';

it('an invocation has one ledger for each engine, and another has another', () => {
  const [mine, other] = [makeLedgers(), makeLedgers()];
  const request = {};
  const ledger = mine(request);

  expect(mine(request)).toBe(ledger);
  expect(mine({})).not.toBe(ledger);
  expect(other(request)).not.toBe(ledger);
  expect(other(request)).toBe(other(request));
  expect(mine(request)).toBe(ledger);
});

it('what is frozen has one too', () => {
  const ledgerOf = makeLedgers();
  const request = Object.freeze({});

  expect(ledgerOf(request)).toBe(ledgerOf(request));
  expect(ledgerOf(request)).not.toBe(ledgerOf(Object.freeze({})));
});

it.each<[string, () => object]>([
  ['a request', () => ({ url: '/cats' })],
  ['the arguments of a handler', () => ['cats']],
  ['what is frozen', () => Object.freeze({ url: '/cats' })],
])('nobody sees it on %s', (_, make) => {
  const invocation = make();
  makeLedgers()(invocation);

  expect(invocation).toStrictEqual(make());
  expect(Reflect.ownKeys(invocation)).toEqual(Reflect.ownKeys(make()));
  expect(Object.getPrototypeOf(invocation)).toBe(Object.getPrototypeOf(make()));
});
