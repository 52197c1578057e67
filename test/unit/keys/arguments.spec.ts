import { it } from '@jest/globals';
import { addressKey, byAll, byHeader, byIp, byParam, byUser } from '../../../lib/keys/index.js';
import { expectMistake } from '../../support/mistake.js';

const makers = { addressKey, byAll, byHeader, byIp, byParam, byUser };

/** What is called with which arguments, and what the message says of them. */
type Row = [maker: keyof typeof makers, args: unknown[], value: string, fix: string];

const noTexts: [unknown, string][] = [
  ['', '"" (string)'],
  [5, '5 (number)'],
  [null, 'null'],
  [['x-user'], 'Array (array)'],
];

const rows: Row[] = [
  ...noTexts.map(([name, shown]): Row => ['byHeader', [name], `name is ${shown}`, "byHeader('x-api-key')"]),
  ['byHeader', [], 'name is undefined', "byHeader('x-api-key')"],
  ...noTexts.map(([name, shown]): Row => ['byParam', [name], `name is ${shown}`, "byParam('tenant')"]),
  ['byParam', [], 'name is undefined', "byParam('tenant')"],
  ...noTexts.map(([name, shown]): Row => ['byUser', [name], `property is ${shown}`, "byUser('id')"]),
  ['byUser', ['id', byIp()], 'the options are anonymous function (function)', '{ anonymous: byIp() }'],
  ['byUser', ['id', { fallback: byIp() }], 'there is no option "fallback"', 'write one of anonymous'],
  ['byUser', ['id', { anonymous: 'ip' }], 'anonymous is "ip" (string)', 'write byIp() or'],
  ['byIp', [56], 'the options are 56 (number)', 'write byIp({ ipv6Prefix: 64 })'],
  ['byIp', [{ prefix: 56 }], 'there is no option "prefix"', 'write one of ipv6Prefix'],
  ['byIp', [{ ipv6Prefix: '64' }], 'ipv6Prefix is "64" (string)', 'write an integer from 1 to 128'],
  ...[0, 129, 1.5, Number.NaN, -1].map((ipv6Prefix): Row => {
    return ['byIp', [{ ipv6Prefix }], `is ${ipv6Prefix} (number)`, 'write an integer from 1 to 128'];
  }),
  ['addressKey', [7], 'address is 7 (number)', 'write a text, as addressKey(socket.remoteAddress)'],
  ['addressKey', ['::1', 56], 'the options are 56 (number)', 'write addressKey(address, { ipv6Prefix: 64 })'],
  ['addressKey', ['::1', { prefix: 56 }], 'there is no option "prefix"', 'write one of ipv6Prefix'],
  ['byAll', [], 'a resolver is undefined', "as byAll(byParam('tenant'), byUser())"],
  ['byAll', [byIp(), 'user'], 'a resolver is "user" (string)', "as byAll(byParam('tenant'), byUser())"],
];

const named = rows.map(([maker, args, value, fix]) => [maker, value, fix, args] as const);

it.each(named)('%s refuses at once, and says: %s; … %s', async (maker, value, fix, args) => {
  const code = value.includes('no option') ? 'UNKNOWN_OPTION' : 'INVALID_OPTION';
  const make = makers[maker] as (...args: unknown[]) => unknown;
  await expectMistake(() => make(...args), { code, place: `${maker}: `, value, fix });
});
