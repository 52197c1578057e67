import { expect, it } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
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
