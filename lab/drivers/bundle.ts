import { writeFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { PeerLabError, reasonOf } from '#proto/errors.ts';

const PACKAGES = /\/node_modules\//;

/**
 * Puts a program and all packages that it imports into the program's own file: to find and open 660 files costs a service more than half of
 * its start (bench/startup.ts). Names stay as they are, so that a stack trace can be read. What a program reads beside itself
 * is looked for beside the bundle.
 * @param build the folder that all of its own files are below
 */
export async function bundle(program: string, build: string): Promise<void> {
  // Only for a build, which most labs don't make.
  const { rolldown } = await import('rolldown');
  try {
    await using made = await rolldown({ input: program, platform: 'node', logLevel: 'silent' });
    // In one file, also what is imported when it is needed: it runs no earlier for that.
    const { output } = await made.generate({ format: 'esm', codeSplitting: false });
    const [{ code, moduleIds }] = output;
    const strange = moduleIds.filter((id) => id.startsWith('/') && !id.startsWith(build) && !PACKAGES.test(id));
    if (strange.length > 0) throw new Error(`${strange[0]} is of another build`);
    await writeFile(program, code);
  } catch (error) {
    throw new PeerLabError('build-failed', {
      about: program,
      got: stripVTControlCharacters(reasonOf(error)),
      cause: error,
    });
  }
}
