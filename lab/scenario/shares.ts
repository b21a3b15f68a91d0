import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { matchesGlob, nameFlaw } from '#proto/names.ts';
import type { Content } from '../language/content.ts';
import type { Flaw } from '../language/mistake.ts';
import { Random } from '../language/random.ts';
import type { PlannedFile } from '../language/world.ts';
import type { Group, ShareItem } from './schema.ts';

/** What the files of a group are made from. */
export interface ShareContext {
  readonly group: string;
  readonly seed: number;
  /** Folder that `from` is relative to. */
  readonly folder: string;
}

/** A tree of real files is read up to this bound, against a `from: /` by mistake. */
const MAX_REAL_FILES = 100_000;

/**
 * What each of the `count` peers of a group holds at the start. Peers are cut into clusters of `copies` neighbours, which hold
 * the same: with 4 peers and `copies: 2`, peers 1 and 2 share one set of files, 3 and 4 another.
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
        ? seededFiles(item, clusters, index, context)
        : realFiles(item, clusters, context, report);
    if (item.name !== undefined && !item.name.includes('{n}') && clusters * (item.files ?? 1) > 1) {
      report('expected {n} in the pattern, because several files are made from it', 'name');
    }
    for (const [peer, share] of shares.entries()) share.push(...(files[Math.floor(peer / copies)] ?? []));
  }
  return shares;
}

function seededFiles(item: ShareItem, clusters: number, index: number, { group, seed }: ShareContext): PlannedFile[][] {
  const perPeer = item.files ?? 0;
  const { minBytes, maxBytes } = item.size ?? { minBytes: 0, maxBytes: 0 };
  const pattern = item.name ?? (index === 0 ? `${group}-{n}.bin` : `${group}-${index + 1}-{n}.bin`);
  const width = String(clusters * perPeer).length;
  return Array.from({ length: clusters }, (_, cluster) =>
    Array.from({ length: perPeer }, (_, file) => {
      const number = cluster * perPeer + file + 1;
      const key = `peerlab ${seed} ${group} ${index} ${number}`;
      return {
        name: pattern.replaceAll('{n}', String(number).padStart(width, '0')),
        sizeBytes: new Random(key, 'size').integer(minBytes, maxBytes),
        content: { key },
      };
    }),
  );
}

function realFiles(
  item: ShareItem,
  clusters: number,
  { group, seed, folder }: ShareContext,
  report: (message: string, key: string) => void,
): PlannedFile[][] {
  const root = path.resolve(folder, item.from as string);
  let found: PlannedFile[] = [];
  try {
    found = walk(root).filter(({ name }) => matchesGlob(name, item.include ?? '*'));
  } catch (error) {
    report(`expected a folder that can be read, got "${item.from}" (${(error as NodeJS.ErrnoException).code})`, 'from');
    return [];
  }
  if (found.length === 0)
    report(
      `no file in "${item.from}"${item.include ? ` matches "${item.include}"` : ''}`,
      item.include ? 'include' : 'from',
    );
  if (item.files !== undefined)
    found = new Random(seed, group, 'from', item.from as string).shuffle(found).slice(0, item.files);
  const dealt: PlannedFile[][] = Array.from({ length: clusters }, () => []);
  for (const [i, file] of found.entries()) dealt[i % clusters]?.push(file);
  return dealt;
}

/** Regular files below `root` in the order of their names; symlinks and names that no share can hold are left out. */
function walk(root: string): PlannedFile[] {
  const files: PlannedFile[] = [];
  const visit = (folder: string, prefix: string) => {
    const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      if (files.length >= MAX_REAL_FILES) return;
      const full = path.join(folder, entry.name);
      const name = prefix + entry.name;
      if (entry.isDirectory()) visit(full, `${name}__`);
      else if (entry.isFile() && !nameFlaw(name))
        files.push({ name, sizeBytes: statSync(full).size, content: { path: full } });
    }
  };
  visit(root, '');
  return files;
}

/** Names that stand for two contents would make every later check ambiguous. */
export function clashes(shares: Iterable<readonly PlannedFile[]>): string[] {
  const seen = new Map<string, string>();
  const clashing = new Set<string>();
  for (const share of shares) {
    const own = new Set<string>();
    for (const { name, content } of share) {
      const identity = contentIdentity(content);
      if ((seen.get(name) ?? identity) !== identity || own.has(name)) clashing.add(name);
      seen.set(name, identity);
      own.add(name);
    }
  }
  return [...clashing];
}

export function contentIdentity(content: Content): string {
  return 'key' in content ? `seed ${content.key}` : `file ${content.path}`;
}
