import { bytesAgree, operationsAccounted } from './accounting.ts';
import type { Check } from './check.ts';
import { instancesLived } from './instances.ts';
import { integrity } from './integrity.ts';

/** The built-in checks: always on, in the order in which the report names them. */
export const CHECKS: readonly Check[] = [integrity, operationsAccounted, bytesAgree, instancesLived];
