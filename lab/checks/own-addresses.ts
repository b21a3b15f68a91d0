import { parseAddress } from '#proto/addresses.ts';
import { LOGIN_FROM } from '#proto/directory-api.ts';
import type { OperationEvent } from '../history/events.ts';
import { type Check, noneWrong } from './check.ts';

/**
 * A peer can't choose the address that its packets come from. When no login succeeds, and the directory saw them come from where
 * no peer is, the machine translates addresses (a rule that an engine left behind): nobody who runs on it can log in.
 */
export const ownAddresses: Check = {
  name: 'addresses as they are',
  question: 'Did logins arrive from the addresses of the peers, and not from one that the machine put in their place?',
  decides: true,
  look: 'events.ndjson',
  judge({ events, facts }) {
    const logins = events.filter(({ operation }) => operation === 'login');
    const ips = new Set(facts.peers.flatMap(({ address = '' }) => parseAddress(address)?.ip ?? []));
    const translated = logins.flatMap((login) => {
      const ip = seenAt(login);
      if (ip === undefined || ips.has(ip)) return [];
      return [
        `this machine translates addresses: the directory saw ${login.peer} at ${ip}, where no peer is, and every login was refused (docs/troubleshooting.md)`,
      ];
    });
    const isEvery = ips.size > 0 && translated.length === logins.length;
    const judged = noneWrong(isEvery ? translated : [], 'no login came from where no peer is');
    return { ...judged, verdict: judged.verdict === 'pass' ? 'pass' : 'inconclusive' };
  },
};

const SEEN = new RegExp(`${LOGIN_FROM}([0-9a-fA-F.:]+)`);

/** The IP that a login came from, by the word of a directory that refused it for that. */
function seenAt({ error }: OperationEvent): string | undefined {
  return error?.code === 'address-not-yours' ? SEEN.exec(error.message)?.[1] : undefined;
}
