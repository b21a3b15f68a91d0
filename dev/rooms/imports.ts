import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** A file of the project, and which others it imports. */
export interface SourceFile {
  readonly file: string;
  readonly imports: readonly Import[];
}

export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** The file that it means, from the root. */
  readonly target: string;
}

const MAX_LISTING_BYTES = 16 * 1024 * 1024;
const SPECIFIER =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;

/** Every file that git tracks or would track, whatever its kind: a folder of manifests is a room, too. */
export function filesOf(root: string): SourceFile[] {
  const options = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listing = execFileSync('git', options, { cwd: root, encoding: 'utf8', maxBuffer: MAX_LISTING_BYTES });
  // A link to packages that lie elsewhere is no folder to git, and a file may be deleted and not yet committed.
  const files = listing.split('\0').filter((file) => file !== '' && file !== 'node_modules');
  return files
    .filter((file) => existsSync(path.join(root, file)))
    .map((file) => ({
      file,
      imports: /\.tsx?$/.test(file) ? importsOf(file, readFileSync(path.join(root, file), 'utf8')) : [],
    }));
}

/** The project's own files that this text imports; `#proto/` and `#base/` as package.json says. */
export function importsOf(file: string, text: string): Import[] {
  return [...text.matchAll(SPECIFIER)].flatMap(([, from, dynamic, bare]) => {
    const specifier = from ?? dynamic ?? bare ?? '';
    if (specifier.startsWith('#proto/')) return [{ specifier, target: specifier.slice(1) }];
    if (specifier.startsWith('#base/')) return [{ specifier, target: `images/${specifier.slice(1)}` }];
    if (!specifier.startsWith('.')) return [];
    return [{ specifier, target: path.posix.join(path.posix.dirname(file), specifier) }];
  });
}
