import ipaddr from 'ipaddr.js';
import { checkInteger, checkKnownOptions, checkObject } from '../common/checks.js';
import { RateLimitError } from '../errors/rate-limit.error.js';
import { show } from '../errors/show.js';
import { addressReader } from './address-readers.js';
import { describeKey, type KeyResolver } from './key-resolver.js';
import { readCaller } from './read-caller.js';

export interface ByIpOptions {
  /** How many leading bits of an IPv6 address are one client: 1 to 128, by default 64, the smallest usual network. */
  readonly ipv6Prefix?: number;
}

/**
 * The client's address, as the framework sees it (`request.ip`): behind a proxy, set `trust proxy` there.
 * An IPv6 address counts as its network; an IPv4 address mapped into IPv6 is the IPv4 address.
 * @throws RateLimitError `INVALID_OPTION` for a prefix that is no number of bits
 */
export function byIp(options: ByIpOptions = {}): KeyResolver {
  const ipv6Prefix = readPrefix(options, 'byIp', 'byIp({ ipv6Prefix: 64 })');
  return addressReader(
    describeKey(`byIp(${ipv6Prefix})`, (context) =>
      networkOf(readCaller(context, 'ip', 'byIp()'), ipv6Prefix),
    ),
  );
}

/**
 * The key that `byIp` has for an address, for calls of the service where there is no request to read it from:
 * `addressKey(client.handshake.address)`. Undefined, as a socket that is closed says, is a key too: one for all of them.
 * @throws RateLimitError `INVALID_OPTION` for what is no text, and for a prefix that is no number of bits
 */
export function addressKey(address: string | undefined, options: ByIpOptions = {}): string {
  const ipv6Prefix = readPrefix(options, 'addressKey', 'addressKey(address, { ipv6Prefix: 64 })');
  if (address !== undefined && typeof address !== 'string') {
    throw new RateLimitError(
      'INVALID_OPTION',
      `addressKey: address is ${show(address)}; write a text, as addressKey(socket.remoteAddress)`,
    );
  }
  return networkOf(address ?? '', ipv6Prefix);
}

function readPrefix(options: ByIpOptions, place: string, example: string): number {
  checkObject(options, place, example);
  checkKnownOptions(options, ['ipv6Prefix'], place);
  const { ipv6Prefix = 64 } = options;
  checkInteger(ipv6Prefix, 1, 128, `${place}: ipv6Prefix`);
  return ipv6Prefix;
}

/** Requests without a readable address (a Unix socket, a closed connection) are one client. */
const UNKNOWN = 'unknown';

/** The address of a client, that of IPv4 where it is mapped into IPv6; undefined where there is none to be read. */
export function addressOf(ip: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  const text = withoutPort(ip);
  // Short and octal forms of IPv4 are no address that a server would write.
  if (!ipaddr.IPv6.isValid(text) && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.process(text);
}

/** Four numbers as any server writes them: without leading zeros, a port or anything else. */
const { source: IPV4 } = /(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}/;
const PLAIN = new RegExp(`^${IPV4}$`);
const MAPPED = new RegExp(`^::ffff:(${IPV4})$`);

function networkOf(ip: string, ipv6Prefix: number): string {
  // Most addresses, and it is many times as fast as to parse them and to write them out again.
  if (PLAIN.test(ip)) return ip;
  const [, mapped] = MAPPED.exec(ip) ?? [];
  if (mapped !== undefined) return mapped;
  const address = addressOf(ip);
  if (address === undefined) return UNKNOWN;
  if (address.kind() === 'ipv4') return address.toString();
  return ipv6Prefix === 128
    ? address.toString()
    : `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${ipv6Prefix}`).toString()}/${ipv6Prefix}`;
}

const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+)$/;

/** Some proxies write `address:port`. A zone (`fe80::1%eth0`) names an interface of this machine, not a client. */
function withoutPort(ip: string): string {
  const [, inBrackets, ipv4] = WITH_PORT.exec(ip) ?? [];
  return (inBrackets ?? ipv4 ?? ip).split('%')[0] as string;
}
