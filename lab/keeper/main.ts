import { EXIT, unforeseen } from '#proto/errors.ts';

/**
 * THE KEEPER: process 1 of a peer's container. The pod is the machine, and the peer a program on it.
 *
 *   main.ts serve -- COMMAND ARG…   keeps the program, and does what a lab asks (protocol.ts); needs Node alone
 *   main.ts install FOLDER          copies what `serve` needs into a folder
 *   main.ts lay                     fills the share with the files that the lab would make for this peer
 */
const USAGE = 'usage: main.ts serve -- COMMAND ARG…   or: main.ts install FOLDER   or: main.ts lay';

const [verb, ...words] = process.argv.slice(2);
try {
  // Each by itself: `serve` runs where there is no package, which `lay` needs.
  if (verb === 'serve' && words[0] === '--' && words.length > 1) {
    const { serve } = await import('./serve.ts');
    serve(words.slice(1), process.env);
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
