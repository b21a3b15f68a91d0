import { addressText } from '#proto/addresses.ts';
import { columnsOf, padded } from '#proto/columns.ts';
import type { BatchResult, ControlResponse, ControlVerb } from '#proto/control-api.ts';
import { counted } from '#proto/units.ts';
import { notDialledText } from './directory/dialling.ts';

export type Answers = { [V in ControlVerb]: ControlResponse<V> } & { batch: BatchResult };
export type Verb = keyof Answers;

/** How the answers of a running peer read on a terminal; their texts must be printable already. */
export const TEXT: { [V in Verb]: (answer: Answers[V]) => string } = {
  login: ({ leaseSeconds }) => `logged in; the lease of ${leaseSeconds} s is renewed by the peer`,
  index: ({ peers, unverified = [], notDialled }) =>
    table(
      ['PEER', 'USER', 'SIZE', 'SHA256', 'NAME'],
      [
        ...peers.flatMap((peer) =>
          peer.files.map((file) => [addressText(peer), peer.user, file.size, short(file.sha256), file.name]),
        ),
        ...unverified.flatMap(({ name, peers }) =>
          peers.map((peer) => [addressText(peer), peer.user, '?', UNVERIFIED, name]),
        ),
      ],
      `${counted(peers.length, 'peer')} in the index, no files`,
    ) + leftOut(notDialled),
  search: ({ results, unverified = [], notDialled }) =>
    table(
      ['NAME', 'SIZE', 'SHA256', 'PEERS'],
      [
        ...results.map(({ name, size, sha256, peers }) => [name, size, sha256, peers.map(addressText).join(' ')]),
        ...unverified.map(({ name, peers }) => [name, '?', UNVERIFIED, peers.map(addressText).join(' ')]),
      ],
      'nothing found',
    ) + leftOut(notDialled),
  download: (result) =>
    transfer(result, result.bytes === 0 && result.size > 0 ? 'was there already' : 'downloaded', 'from'),
  batch: ({ files, size, sources, seconds, failures, failed, unverified = 0, notDialled }) => {
    const from = sources.length > 0 ? ` from ${sources.map(({ peer }) => peer).join(', ')}` : '';
    const lines = [`${counted(files, 'file')}, ${counted(size, 'byte')}${from} in ${seconds.toFixed(3)} s`];
    if (failures > 0) lines.push(`${counted(failures, 'file')} could not be fetched:`);
    for (const { name, message } of failed) lines.push(`  ${name}: ${message}`);
    if (unverified > 0) lines.push(`${counted(unverified, 'file')} ${UNVERIFIED}: nobody knew a hash`);
    return lines.join('\n') + leftOut(notDialled);
  },
  upload: (result) => transfer(result, 'uploaded', 'to'),
  loadfiles: ({ files, hashing = 0 }) =>
    `${counted(files, 'file')} published${hashing > 0 ? `; ${counted(hashing, 'file')} still being hashed, published when done` : ''}`,
  logout: () => 'logged out',
};

/** In the place of a hash: nobody knows one. */
const UNVERIFIED = 'unverified';

/** Which setting would have brought more. */
function leftOut(notDialled: readonly string[] = []): string {
  return notDialled.length > 0 ? `\n${notDialledText(notDialled)}` : '';
}

function transfer(result: ControlResponse<'download'>, done: string, preposition: string): string {
  const { name, size, seconds, sources, sha256, verified } = result;
  const used = sources.filter(({ bytes }) => bytes > 0).map(({ peer }) => peer);
  const peers = used.length > 0 ? ` ${preposition} ${used.join(', ')}` : '';
  const lies = sources.flatMap(({ peer, error }) => (error === undefined ? [] : `\ngiven up: ${peer}, ${error}`));
  const doubt = verified === 'none' ? '\nunverified: nobody knew a hash' : '';
  return `${name}: ${done}, ${counted(size, 'byte')}${peers} in ${seconds.toFixed(3)} s\nsha256 ${sha256}${doubt}${lies.join('')}`;
}

function table(head: string[], rows: (string | number)[][], empty: string): string {
  if (rows.length === 0) return empty;
  const lines = [head, ...rows].map((row) => row.map(String));
  const widths = head.map((_, column) =>
    lines.reduce((width, line) => Math.max(width, columnsOf(line[column] ?? '')), 0),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => padded(cell, widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function short(sha256: string): string {
  return sha256.slice(0, 12);
}
