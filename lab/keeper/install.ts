import { existsSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..', '..');

/** In images proto/ is compiled, and package.json says so. */
function asBuilt(file: string): string {
  return existsSync(path.join(ROOT, `${file}.js`)) ? `${file}.js` : `${file}.ts`;
}

/** All that `serve` imports, at the same places below the folder, and package.json, which says what `#proto/` stands for. */
const NEEDED = [
  'package.json',
  ...['proto/env', 'proto/errors', 'proto/names', 'proto/promises'].map(asBuilt),
  'lab/limit.ts',
  'lab/machine/dial.ts',
  'lab/machine/full-disk.ts',
  'lab/machine/memory-kills.ts',
  'lab/machine/proc.ts',
  'lab/machine/share-folder.ts',
  'lab/keeper/bounded-log.ts',
  'lab/keeper/filled-disk.ts',
  'lab/keeper/keeper.ts',
  'lab/keeper/main.ts',
  'lab/keeper/program.ts',
  'lab/keeper/protocol.ts',
  'lab/keeper/serve.ts',
  'lab/keeper/server.ts',
  'lab/keeper/settings.ts',
];

/** Copies the keeper into a folder, from where Node runs it without any package. */
export async function install(folder: string): Promise<void> {
  for (const file of NEEDED) {
    const to = path.join(folder, file);
    await mkdir(path.dirname(to), { recursive: true });
    await cp(path.join(ROOT, file), to);
  }
}
