/** What every container, network and volume of a run carries, so that it can be found without any other record. */
export const LABEL = {
  run: 'peerlab.run',
  role: 'peerlab.role',
  peer: 'peerlab.peer',
} as const;

export function labelsOf(runId: string, role: string, name: string): Record<string, string> {
  return { [LABEL.run]: runId, [LABEL.role]: role, [LABEL.peer]: name };
}

/** The role of containers that disturb an instance, or measure it: they are none of those that are tested. */
export const FAULT_ROLE = 'fault';

/** The engine's filter for all that one run made. */
export function ofRun(runId: string): { label: string[] } {
  return { label: [`${LABEL.run}=${runId}`] };
}
