import type { ExecutionContext } from '@nestjs/common';
import ipaddr from 'ipaddr.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { addressReader } from './address-readers.js';
import { addressOf } from './by-ip.js';
import { readCaller } from './read-caller.js';

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/**
 * Whether a request comes from one of these addresses or networks, for `skip`: `fromIps('10.0.0.0/8', '::1')`.
 * @throws RateLimitError `INVALID_OPTION`
 */
export function fromIps(...ranges: string[]): (context: ExecutionContext) => boolean {
  if (ranges.length === 0) throw invalid('nothing');
  const networks = ranges.map(parseRange);
  const isFromThem = (context: ExecutionContext): boolean => {
    const address = addressOf(readCaller(context, 'ip', 'fromIps()'));
    return address !== undefined && networks.some((network) => isIn(address, network));
  };
  // What `explain()` shows.
  Object.defineProperty(isFromThem, 'name', { value: `fromIps(${ranges.join(', ')})` });
  return addressReader(isFromThem);
}

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Range): boolean {
  if (address.kind() === 'ipv4')
    return network.kind() === 'ipv4' && (address as ipaddr.IPv4).match(network as ipaddr.IPv4, bits);
  return network.kind() === 'ipv6' && (address as ipaddr.IPv6).match(network as ipaddr.IPv6, bits);
}

function parseRange(range: unknown): Range {
  if (typeof range !== 'string') throw invalid(show(range));
  const text = range.includes('/') ? range : `${range}/${range.includes(':') ? 128 : 32}`;
  const isPlain = ipaddr.IPv6.isValidCIDR(text) || ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
  if (!isPlain) throw invalid(show(range));
  return ipaddr.parseCIDR(text);
}

const invalid = (value: string): RateLimitError =>
  new RateLimitError(
    'INVALID_OPTION',
    `fromIps: the range is ${value}; write addresses or networks, as fromIps('10.0.0.0/8', '::1')`,
  );
