import { answersHold } from './answers-hold.ts';
import { barriersMet } from './barriers.ts';
import { bytesAgree } from './bytes-agree.ts';
import type { Check } from './check.ts';
import { directoryTells } from './directory-answers.ts';
import { disksHadRoom } from './disks-had-room.ts';
import { endedInOrder } from './ended-in-order.ts';
import { exitCodes } from './exit-codes.ts';
import { faultsInForce } from './faults-in-force.ts';
import { filesWhole } from './files-whole.ts';
import { directoryLists } from './index-looks.ts';
import { instancesLived } from './instances.ts';
import { integrity } from './integrity.ts';
import { labKeptUp } from './lab-kept-up.ts';
import { operationsAccounted } from './operations-accounted.ts';
import { ownAddresses } from './own-addresses.ts';
import { nothingUnfinished } from './unfinished.ts';

/** The built-in checks: always on, in the order in which the report names them. */
export const CHECKS: readonly Check[] = [
  integrity,
  nothingUnfinished,
  directoryTells,
  directoryLists,
  operationsAccounted,
  bytesAgree,
  answersHold,
  barriersMet,
  instancesLived,
  endedInOrder,
  exitCodes,
  faultsInForce,
  ownAddresses,
  disksHadRoom,
  labKeptUp,
  filesWhole,
];
