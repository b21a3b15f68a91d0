import { BlockList } from 'node:net';
import { canonicalIp, isIpv6 } from './addresses.ts';

/** Of a network of IPv4 addresses that is written as IPv6, the bits before those of IPv4. */
const MAPPED_BITS = 96;

/** Networks as `10.0.0.0/8, fd00::/8, 192.168.1.7`: an address counts as the network of itself. */
export class Networks {
  readonly #list: BlockList;

  private constructor(list: BlockList) {
    this.#list = list;
  }

  /** undefined when `text` is no list of networks. */
  static parse(text: string): Networks | undefined {
    const list = new BlockList();
    for (const part of text.split(',').map((one) => one.trim())) {
      const [, ip = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(part) ?? [];
      const canonical = canonicalIp(ip);
      if (canonical === undefined || /[%[]/.test(ip)) return undefined;
      const isMapped = isIpv6(ip) && !isIpv6(canonical);
      const most = isIpv6(canonical) ? 128 : 32;
      const prefix = bits === undefined ? most : Number(bits) - (isMapped ? MAPPED_BITS : 0);
      if (prefix < 0 || prefix > most) return undefined;
      list.addSubnet(canonical, prefix, familyOf(canonical));
    }
    return new Networks(list);
  }

  has(ip: string): boolean {
    const canonical = canonicalIp(ip);
    return canonical !== undefined && this.#list.check(canonical, familyOf(canonical));
  }
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIpv6(ip) ? 'ipv6' : 'ipv4';
}

/** Addresses that nobody serves files at, or that mean another machine for each who reads them. */
const NOWHERE = Networks.parse('0.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3, ::/128, fe80::/10, ff00::/8') as Networks;
const LOOPBACK = Networks.parse('127.0.0.0/8, ::1') as Networks;

export function isLoopback(ip: string): boolean {
  return LOOPBACK.has(ip);
}

/**
 * THE RULE OF ADDRESSES, at the directory: a peer is entered only at the address that its login comes from; behind
 * address translation, at one inside the networks that a setting trusts. So nobody can have a victim's address named.
 */
export function mayRegister(ip: string, from: string | undefined, trusted: Networks | undefined): boolean {
  return ip === from || trusted?.has(ip) === true;
}

/**
 * The same rule at the peer that is about to dial, which has only the directory's word: an address that can't have been
 * the other peer's is not dialled. Loopback means this machine, so a peer there is one only when it has the address of
 * this peer itself or of the directory; all else has to be in the networks that a setting trusts.
 *
 * @param near addresses of this peer and of the directory
 */
export function mayDial(ip: string, near: readonly string[], trusted: Networks | undefined): boolean {
  const address = canonicalIp(ip);
  if (address === undefined) return false;
  if (near.includes(address) || trusted?.has(address)) return true;
  return !NOWHERE.has(address) && !LOOPBACK.has(address);
}
