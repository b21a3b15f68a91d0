import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PeerLabError } from '#proto/errors.ts';
import { suggestion } from '../language/suggestion.ts';
import { decodeText } from './document.ts';
import { readScenario, type Scenario } from './read.ts';
import type { Variables } from './variables.ts';

/** The scenarios that come with PeerLab. */
export const LIBRARY = fileURLToPath(new URL('../../scenarios', import.meta.url));

/** Names in the library, in order. */
export function libraryNames(): string[] {
  return readdirSync(LIBRARY)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

/**
 * The scenario of a name in the library, or of a path to a file.
 * @throws PeerLabError `usage` when there is none, ScenarioInvalid when it has mistakes
 */
export function findScenario(nameOrPath: string, vars: Variables = {}): Scenario {
  const inLibrary = path.join(LIBRARY, `${nameOrPath}.yaml`);
  const isName = /^[a-z0-9-]+$/.test(nameOrPath) && existsSync(inLibrary);
  const file = isName ? path.relative(process.cwd(), inLibrary) : nameOrPath;
  if (!existsSync(file) || !statSync(file).isFile()) {
    const hint = /[/.]/.test(nameOrPath) ? '' : suggestion(nameOrPath, libraryNames());
    throw new PeerLabError('usage', {
      expected: 'the name of a scenario or a path to one',
      got: `"${nameOrPath}".${hint}`,
    });
  }
  return readScenarioFile(file, vars);
}

/** @throws PeerLabError `usage` when the file can't be read, ScenarioInvalid when it has mistakes */
export function readScenarioFile(file: string, vars: Variables = {}): Scenario {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new PeerLabError('usage', { expected: 'a scenario file that can be read', got: file, cause });
  }
  return readScenario(decodeText(bytes, file), file, vars);
}
