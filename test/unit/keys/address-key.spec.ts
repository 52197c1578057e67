import { expect, it } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { addressOf } from '../../../lib/keys/by-ip.js';
import { addressKey, byIp } from '../../../lib/keys/index.js';

/** An address, its key where nothing else is said, and its key where 56 bits are one client. */
const rows: [address: string | undefined, key: string, of56: string][] = [
  ['203.0.113.7', '203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:40000', '203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/56'],
  ['fe80::1%eth0', 'fe80::/64', 'fe80::/56'],
  ['', 'unknown', 'unknown'],
  [undefined, 'unknown', 'unknown'],
];

it.each(rows)('%s has the key that byIp has for it: %s, or %s', (ip, key, of56) => {
  const context = new ExecutionContextHost([{ ip: ip ?? '' }]);
  expect([addressKey(ip), addressKey(ip, { ipv6Prefix: 56 })]).toEqual([key, of56]);
  expect([byIp()(context), byIp({ ipv6Prefix: 56 })(context)]).toEqual([key, of56]);
});

it('takes the short way for plain addresses only: the key is what parsing the address says', () => {
  const numbers = [
    '0',
    '1',
    '9',
    '10',
    '99',
    '100',
    '199',
    '249',
    '250',
    '255',
    '256',
    '00',
    '01',
    '1e1',
    '-1',
    '',
  ];
  const around = (ip: string) => [
    ip,
    `::ffff:${ip}`,
    `::FFFF:${ip}`,
    ` ${ip}`,
    `${ip}:80`,
    `[${ip}]`,
    `${ip}.1`,
  ];
  const texts = numbers.flatMap((a) => numbers.flatMap((b) => around(`${a}.2.3.${b}`)));
  const parsed = (text: string) => {
    const address = addressOf(text);
    return address?.kind() === 'ipv6' ? undefined : (address?.toString() ?? 'unknown');
  };
  const wrong = texts.filter((text) => (parsed(text) ?? addressKey(text)) !== addressKey(text));
  expect(wrong).toEqual([]);
});
