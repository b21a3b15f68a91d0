import { EXIT, unforeseen } from '#proto/errors.ts';

/**
 * THE KEEPER: process 1 of a peer's container. The pod is the machine, and the peer a program on it.
 *
 *   main.ts serve -- COMMAND ARG…   keeps the program, and does what a lab asks (protocol.ts); needs Node alone. With `--idle` before
 *                                   the `--`, only a lab starts the program
 *   main.ts install FOLDER          copies what `serve` needs into a folder
 *   main.ts lay                     fills the share with the files that the lab would make for this peer
 */
const USAGE = 'usage: main.ts serve [--idle] -- COMMAND ARG…   or: main.ts install FOLDER   or: main.ts lay';

const [verb, ...words] = process.argv.slice(2);
try {
  // Each by itself: `serve` runs where there is no package, which `lay` needs.
  const isIdle = words[0] === '--idle';
  const command = words.slice(isIdle ? 2 : 1);
  if (verb === 'serve' && words[isIdle ? 1 : 0] === '--' && command.length > 0) {
    const { serve } = await import('./serve.ts');
    serve(command, process.env, isIdle);
  } else if (verb === 'install' && words.length === 1) {
    const { install } = await import('./install.ts');
    await install(words[0] as string);
  } else if (verb === 'lay' && words.length === 0) {
    const { lay } = await import('./lay.ts');
    process.stdout.write(`${await lay(process.env)}\n`);
  } else {
    process.stderr.write(`${USAGE}\n`);
    process.exitCode = EXIT.usage;
  }
} catch (error) {
  const { message, hint, kind } = unforeseen(error);
  process.stderr.write(`${message}\n${hint}\n`);
  process.exitCode = kind.exit ?? EXIT.inconclusive;
}
