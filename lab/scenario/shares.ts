import path from 'node:path';
import type { Content } from '../language/content.ts';
import type { Flaw } from '../language/mistake.ts';
import type { PlanSize } from '../language/plan-size.ts';
import { Random } from '../language/random.ts';
import type { PlannedFile } from '../language/world.ts';
import { type LeftOut, MAX_ENTRIES, type RealFolder, readFolder } from './real-folder.ts';
import type { Group, ShareItem } from './schema.ts';

/** What the files of a group are made from. */
export interface ShareContext {
  readonly group: string;
  readonly seed: number;
  /** Folder that `from` is relative to. */
  readonly folder: string;
  readonly size: PlanSize;
  /** Files that can't be shared are added to it. */
  readonly leftOut: LeftOut[];
}

/**
 * What each of the `count` peers of a group holds at the start. Peers are cut into clusters of `copies` neighbours, which hold
 * the same: with 4 peers and `copies: 2`, peers 1 and 2 share one set of files, 3 and 4 another.
 * @throws PeerLabError `plan-too-large`
 */
export function planShares(group: Group, count: number, context: ShareContext, flaws: Flaw[]): PlannedFile[][] {
  const shares: PlannedFile[][] = Array.from({ length: count }, () => []);
  for (const [index, item] of group.share.entries()) {
    const report = (message: string, key: string) =>
      flaws.push({ path: ['groups', context.group, 'share', index, key], message });
    const copies =
      item.copies === 'all' || (item.copies === undefined && item.from !== undefined)
        ? count
        : Math.min(item.copies ?? 1, count);
    const clusters = Math.ceil(count / copies);
    const files =
      item.from === undefined
        ? seededFiles(item, clusters, count, index, context)
        : realFiles(item, clusters, copies, context, report);
    if (item.name !== undefined && !item.name.includes('{n}') && clusters * (item.files ?? 1) > 1) {
      report('expected {n} in the pattern, because several files are made from it', 'name');
    }
    for (const [peer, share] of shares.entries()) share.push(...(files[Math.floor(peer / copies)] ?? []));
  }
  return shares;
}

function seededFiles(
  item: ShareItem,
  clusters: number,
  peers: number,
  index: number,
  { group, seed, size }: ShareContext,
): PlannedFile[][] {
  const perPeer = item.files ?? 0;
  size.add('files', peers * perPeer);
  const { minBytes, maxBytes } = item.size ?? { minBytes: 0, maxBytes: 0 };
  const pattern = item.name ?? (index === 0 ? `${group}-{n}.bin` : `${group}-${index + 1}-{n}.bin`);
  const width = String(clusters * perPeer).length;
  return Array.from({ length: clusters }, (_, cluster) =>
    Array.from({ length: perPeer }, (_, file) => {
      const number = cluster * perPeer + file + 1;
      const key = `peerlab ${seed} ${group} ${index} ${number}`;
      return {
        name: pattern.replaceAll('{n}', String(number).padStart(width, '0')),
        // A draw starts with a hash: for a million files, seconds.
        sizeBytes: minBytes === maxBytes ? minBytes : new Random(key, 'size').integer(minBytes, maxBytes),
        content: { key },
      };
    }),
  );
}

function realFiles(
  item: ShareItem,
  clusters: number,
  copies: number,
  { group, seed, folder, size, leftOut }: ShareContext,
  report: (message: string, key: string) => void,
): PlannedFile[][] {
  const from = item.from as string;
  const read = realFolder(path.resolve(folder, from), item, report);
  const { files = [] } = read ?? {};
  leftOut.push(...(read?.leftOut ?? []));
  if (read && files.length === 0) report(nothingIn(item, read.leftOut), item.include ? 'include' : 'from');
  const found =
    item.files === undefined ? files : new Random(seed, group, 'from', from).shuffle(files).slice(0, item.files);
  size.add('files', found.length * copies);
  const dealt: PlannedFile[][] = Array.from({ length: clusters }, () => []);
  for (const [i, file] of found.entries()) dealt[i % clusters]?.push(file);
  return dealt;
}

function realFolder(
  root: string,
  { from, include = '*' }: ShareItem,
  report: (message: string, key: string) => void,
): RealFolder | undefined {
  try {
    const read = readFolder(root, include);
    if (!read)
      report(`expected a folder with at most ${MAX_ENTRIES} files and folders in it, got more in "${from}"`, 'from');
    return read;
  } catch (error) {
    report(`expected a folder that can be read, got "${from}" (${(error as NodeJS.ErrnoException).code})`, 'from');
    return undefined;
  }
}

function nothingIn({ from, include }: ShareItem, [first, ...more]: readonly LeftOut[]): string {
  const matches = include === undefined ? '' : ` matches "${include}"`;
  if (!first) return `no file in "${from}"${matches}`;
  const others = more.length > 0 ? `, and ${more.length} more` : '';
  return `no file in "${from}"${matches} that can be shared: ${JSON.stringify(first.name)} (${first.reason})${others}`;
}

/** Names that stand for two contents would make every later check ambiguous. */
export function clashes(shares: Iterable<readonly PlannedFile[]>): string[] {
  const seen = new Map<string, string>();
  const clashing = new Set<string>();
  for (const share of shares) {
    const own = new Set<string>();
    for (const { name, content } of share) {
      const identity = contentIdentity(content);
      const known = seen.get(name);
      if (known === undefined) seen.set(name, identity);
      else if (known !== identity || own.has(name)) clashing.add(name);
      own.add(name);
    }
  }
  return [...clashing];
}

export function contentIdentity(content: Content): string {
  return 'key' in content ? `seed ${content.key}` : `file ${content.path}`;
}
