import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { EXIT, unforeseen } from '#proto/errors.ts';
import { printableAll } from '#proto/printable.ts';
import { loadImages, pushImages } from './images.ts';
import { makeTeams } from './make-teams.ts';

/** `bin/k8s`: what a classroom on Kubernetes (k8s/, docs/classroom.md) needs beside kubectl. */

const MAX_HOURS = 24 * 90;

const tell = (line: string) => void process.stdout.write(`${printableAll({ line }).line}\n`);

function hours(text: string): number {
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_HOURS) return Number(text);
  throw new InvalidArgumentError(`expected a whole number from 1 to ${MAX_HOURS}`);
}

const program = new Command('k8s')
  .description('What a classroom on Kubernetes needs beside kubectl (docs/classroom.md).')
  .exitOverride();
program
  .command('load')
  .description('build the images, and put them into the cluster that kubectl points at')
  .action(() => loadImages(tell));
program
  .command('push')
  .description('build the images, and push them to a registry')
  .argument('<registry>', 'such as registry.example.org/class')
  .action((registry: string) => pushImages(registry, tell));
program
  .command('team')
  .description('a classroom for each team, in a namespace of its own, with a login that sees nothing of the others')
  .argument('<names...>', 'of the teams')
  .option('--folder <folder>', 'where the logins are written', '.')
  .option('--hours <n>', 'how long the logins are good for', hours, 12)
  .action((names: string[], options: { folder: string; hours: number }) => makeTeams({ names, ...options, tell }));

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.pass : EXIT.usage;
  else {
    const { message, hint, kind } = unforeseen(error);
    process.stderr.write(`${printableAll({ message }).message}\n${hint}\n`);
    process.exitCode = kind.exit ?? EXIT.inconclusive;
  }
}
// Connections to an engine are kept open, and are of no use any more.
process.exit();
