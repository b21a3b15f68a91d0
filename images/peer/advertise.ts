import { networkInterfaces } from 'node:os';
import { type Address, canonicalIp, isIpv6, parseAddress } from '#proto/addresses.ts';
import { PeerLabError } from '#proto/errors.ts';

/**
 * The address that other peers reach this one at: `setting` (PEER_ADVERTISE) when given, else the listening address, or the first
 * address of the machine when it listens on all.
 * @throws PeerLabError `bad-setting` when it can't be told from what is known
 */
export function advertisedAddress(setting: string | undefined, host: string, port: number): Address {
  const given = setting === undefined ? undefined : parseAddress(setting);
  if (given) return given;
  const listening = canonicalIp(host);
  const ip = listening === '0.0.0.0' || listening === '::' ? firstAddress(listening) : listening;
  if (ip !== undefined) return { ip, port };
  throw new PeerLabError('bad-setting', {
    about: 'PEER_ADVERTISE',
    expected: 'ip:port',
    got: `nothing, and PEER_HOST is ${host}`,
  });
}

/** The first that other machines may reach. A link-local one is left out: it means nothing without the name of an interface. */
function firstAddress(listening: string): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const global = addresses.filter(({ internal, scopeid }) => !internal && !scopeid).map(({ address }) => address);
  // Who listens on `::` is reached over IPv4 too.
  return global.find((ip) => !isIpv6(ip)) ?? (isIpv6(listening) ? global[0] : undefined);
}
