import { compare, count, type PreflightCheck } from '../machine/check.ts';
import { instancesOf } from '../machine/size.ts';
import { HOSTED_OPEN_FILES, INSTANCE_OPEN_FILES, LAB_OPEN_FILES } from './footprint.ts';

/** Does the kernel allow this number of instances: open files, tasks, inotify. */

/** The lab's bound on operations under way, whatever the scenario says (lab/run/course.ts). */
const OPERATIONS_AT_ONCE = 512;

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
      fix: 'raise the hard limit: ulimit -Hn in a shell of root, nofile in /etc/security/limits.conf, or LimitNOFILE= of the service',
    });
  },
};

export const tasks: PreflightCheck = {
  name: 'processes',
  judge({ tasks: room }, { size, footprint }) {
    return compare({
      available: room?.left,
      wanted: (instancesOf(size) + size.directories) * footprint.tasks,
      show: count,
      what: `threads left${room ? ` (${room.limit})` : ''}`,
      fix: `raise ${room?.limit}, or end other programs`,
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
      what: `instances left${facts ? ` of ${facts.instances} for each user` : ''}`,
      fix: `sysctl fs.inotify.max_user_instances=${(facts?.inUse ?? 0) + 2 * instancesOf(size)}; otherwise peers without one poll their share once a second`,
    });
    return found.state === 'lacking' ? { ...found, state: 'tight' } : found;
  },
};
