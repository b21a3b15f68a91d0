import { compare, type PreflightCheck } from './check.ts';
import { FOOTPRINTS, HOSTED_OPEN_FILES, INSTANCE_OPEN_FILES, LAB_OPEN_FILES } from './footprint.ts';
import { instancesOf } from './size.ts';

/** Do kernel and engine let so many instances be: open files, tasks, inotify, ports, networks. */

/** The lab's bound on operations under way, whatever the scenario says (lab/run/course.ts). */
const OPERATIONS_AT_ONCE = 512;
/** A Linux bridge has so many ports, and each container takes one. */
const BRIDGE_PORTS = 1023;

const count = (amount: number) => String(Math.round(amount));

export const openFiles: PreflightCheck = {
  name: 'open files',
  judge({ openFiles: limits }, { size }) {
    // The lab keeps a connection to each instance beside those of the operations under way; a directory has one of
    // each peer and one of the lab's.
    const lab = LAB_OPEN_FILES + size.peers + 1 + Math.min(size.operationsAtOnce, OPERATIONS_AT_ONCE);
    const directory = INSTANCE_OPEN_FILES + 2 * size.peers;
    const perHost = size.hosts === 0 ? 0 : Math.ceil(size.hostedPeers / size.hosts);
    const host = INSTANCE_OPEN_FILES + perHost * HOSTED_OPEN_FILES;
    return compare({
      available: limits?.soft,
      wanted: Math.max(lab, directory, host),
      show: count,
      what: `for one program${limits ? ` (hard limit ${limits.hard})` : ''}`,
      mend: 'raise the hard limit: ulimit -Hn in a shell of root, nofile in /etc/security/limits.conf, or LimitNOFILE= of the service',
    });
  },
};

export const tasks: PreflightCheck = {
  name: 'processes',
  judge({ tasks: room }, { size, driver }) {
    return compare({
      available: room?.left,
      wanted: (instancesOf(size) + 1) * FOOTPRINTS[driver].tasks,
      show: count,
      what: `threads left${room ? ` (${room.limit})` : ''}`,
      mend: `raise ${room?.limit}, or end other programs`,
    });
  },
};

/** Never a reason to refuse: a peer without an inotify instance looks at its share once a second. */
export const inotify: PreflightCheck = {
  name: 'inotify',
  judge({ inotify: facts }, { size }) {
    const found = compare({
      available: facts && facts.instances - facts.inUse,
      wanted: instancesOf(size),
      show: count,
      what: `instances left of ${facts?.instances} for each user`,
      mend: `sysctl fs.inotify.max_user_instances=${(facts?.inUse ?? 0) + 2 * instancesOf(size)}; else peers without one poll their share once a second`,
    });
    return found.state === 'lacking' ? { ...found, state: 'tight' } : found;
  },
};

export const ports: PreflightCheck = {
  name: 'ports',
  judge({ ports: range }, { size, driver }) {
    if (driver !== 'process') return undefined;
    return compare({
      available: range && range.end - range.lowest - range.taken,
      wanted: size.peers + instancesOf(size) + 1,
      show: count,
      what: `free${range ? ` from ${range.lowest} to ${range.end - 1}` : ''}`,
      mend: 'end what listens there, or let outgoing connections begin higher: sysctl net.ipv4.ip_local_port_range="40000 60999"',
    });
  },
};

export const addressPools: PreflightCheck = {
  name: 'address pools',
  judge({ engine }, { driver }) {
    if (driver !== 'docker' || typeof engine === 'string') return undefined;
    return compare({
      available: Math.max(0, engine.addressPools - engine.networks),
      wanted: 1,
      show: count,
      what: `left of about ${engine.addressPools} for networks`,
      mend: 'docker network prune, or more default-address-pools in /etc/docker/daemon.json',
    });
  },
};

export const bridge: PreflightCheck = {
  name: 'bridge',
  judge(_, { size, driver }) {
    if (driver !== 'docker') return undefined;
    return compare({
      available: BRIDGE_PORTS,
      wanted: instancesOf(size) + 1,
      show: count,
      what: 'containers on one bridge',
      mend: 'fewer peers, --peers-per-instance, or --driver process',
    });
  },
};

/** In each direction one entry for whom an instance talks to: the directory, the lab by the bridge's own address, and other peers. */
export const neighbours: PreflightCheck = {
  name: 'neighbours',
  judge({ neighbours: table }, { size, driver }) {
    if (driver !== 'docker') return undefined;
    const instances = instancesOf(size);
    const wanted = 2 * (2 * instances + Math.min(size.transferPairs, (instances * (instances - 1)) / 2));
    return compare({
      available: table && table.limit - table.inUse,
      wanted,
      show: count,
      what: `entries left of ${table?.limit} in the table of neighbours`,
      mend: `sysctl net.ipv4.neigh.default.gc_thresh3=${Math.max(4096, 2 * wanted)}; or transfers between fewer pairs of containers, or --peers-per-instance: beyond the limit connections hang`,
    });
  },
};
