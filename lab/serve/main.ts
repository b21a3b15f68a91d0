import { PeerLabError, unforeseen } from '#proto/errors.ts';
import { serve } from './serve.ts';

/**
 * The live page as a program beside a run: `main.ts RESULTS`. Says in its first line where it is, and ends when its standard input does: with
 * its lab, however that ends.
 */

const [results = 'results'] = process.argv.slice(2);
try {
  const page = await serve({ results });
  process.stdout.write(`${page.url}\n`);
  process.stdin.resume();
  for (const event of ['end', 'error']) process.stdin.on(event, () => void page.close().then(() => process.exit()));
} catch (error) {
  const { message } = error instanceof PeerLabError ? error : unforeseen(error);
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
