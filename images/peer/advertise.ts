import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { parseAddress } from '#proto/directory-api.ts';
import { PeerLabError } from '#proto/errors.ts';

/**
 * The address that other peers reach this one at: `setting` (PEER_ADVERTISE) when given, else the listening address, or the first
 * address of the machine when it listens on all.
 * @throws PeerLabError `bad-setting` when it can't be told from what is known
 */
export function advertisedAddress(
  setting: string | undefined,
  host: string,
  port: number,
): { ip: string; port: number } {
  const given = setting === undefined ? undefined : parseAddress(setting);
  if (given) return given;
  const ip = host === '0.0.0.0' || host === '::' ? firstAddress() : host;
  if (ip !== undefined && isIP(ip)) return { ip, port };
  throw new PeerLabError('bad-setting', {
    about: 'PEER_ADVERTISE',
    expected: 'ip:port',
    got: `nothing, and PEER_HOST is ${host}`,
  });
}

function firstAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
