import { isIP, SocketAddress } from 'node:net';

/**
 * ADDRESSES: the one place where they are read, brought into one spelling, and written. One spelling for one address: without it a second
 * spelling would be a way around every rule, and two equal addresses would differ.
 */
export interface Address {
  /** As `canonicalIp` spells it. */
  readonly ip: string;
  readonly port: number;
}

const MAX_PORT = 65_535;

/**
 * The one spelling of an IP address (RFC 5952). An IPv4 address written as IPv6 (RFC 4291, section 2.5.5.2) is that IPv4 address: this is how
 * a socket that listens for both names its callers. Brackets are left out, and so is a zone id: it means something on one machine only.
 * @returns undefined when `text` is no IP address
 */
export function canonicalIp(text: string): string | undefined {
  const bare = withoutBrackets(text).replace(/%.*$/s, '');
  const version = isIP(bare);
  if (version === 0) return undefined;
  const { address } = new SocketAddress({ address: bare, family: version === 6 ? 'ipv6' : 'ipv4' });
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

/** `[::1]` as `::1`: an address or host name by itself, for those who write it as in a URL. */
export function withoutBrackets(host: string): string {
  return /^\[(.*:.*)\]$/s.exec(host)?.[1] ?? host;
}

/** Whether it is written as IPv6 is: then a port after it needs brackets. */
export function isIpv6(ip: string): boolean {
  return ip.includes(':');
}

/** `ip:port`, IPv6 in brackets: how an address is written in one string. */
export function addressText({ ip, port }: Address): string {
  return isIpv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** The other way round, in the one spelling; undefined when `text` is no `ip:port`. */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^[\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const ip = canonicalIp(bracketed ?? plain ?? '');
  const port = Number(digits);
  // What stands in brackets is IPv6, and nothing else does.
  const isRight = bracketed === undefined || isIpv6(bracketed);
  return ip !== undefined && isRight && port >= 1 && port <= MAX_PORT ? { ip, port } : undefined;
}

/** `text` in the one spelling where it is `ip:port`; anything else, such as `host:port`, as it is. */
export function normalAddress(text: string): string {
  const address = parseAddress(text);
  return address ? addressText(address) : text;
}
