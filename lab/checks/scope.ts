import type { OperationEvent } from '../history/events.ts';
import type { Scope } from './figure.ts';

/** What the scope of a figure means, among the peers of a run. */

export type PeerNames = readonly {
  readonly name: string;
  readonly group: string;
  readonly host?: string | undefined;
}[];

/** Which operations a scope has. */
export function eventsOf(scope: Scope, peers: PeerNames): (event: OperationEvent) => boolean {
  if (scope.of === 'all') return () => true;
  if (scope.of === 'steps') return ({ as }) => as === scope.name;
  if (scope.of === 'peers') return ({ peer }) => peer === scope.name;
  const members = new Set(peers.filter(({ group }) => group === scope.name).map(({ name }) => name));
  return ({ peer }) => members.has(peer);
}

/** Those of the instances that a scope means. */
export function membersOf(scope: Scope, peers: PeerNames, instances: readonly string[]): string[] {
  if (scope.of === 'peers') return instances.filter((name) => name === scope.name);
  if (scope.of !== 'groups') return [...instances];
  const members = new Set(peers.filter(({ group }) => group === scope.name).map(({ name }) => name));
  return instances.filter((name) => members.has(name));
}
