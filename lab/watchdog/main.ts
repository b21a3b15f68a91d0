/**
 * THE WATCHDOG: a process of its own for each run. It reads its standard input, whose other end only the lab holds. When
 * the lab has ended its run in order it says `done`, and the watchdog leaves. When the pipe closes without a word, the lab is gone, however
 * that came about, and the watchdog cleans up in its place. Its argument is the run's record as JSON.
 *
 * Imports nothing until then: it costs a start of Node for each run.
 */

/** For an engine that is just starting again. */
const PATIENCE_MS = 60_000;

// The lab is asked to end by signals; who watches over it stays.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

if ((await lastWord()) !== 'done') {
  const { takeOver } = await import('./take-over.ts');
  await takeOver(JSON.parse(process.argv[2] as string), PATIENCE_MS);
}
process.exit();

async function lastWord(): Promise<string> {
  let heard = '';
  try {
    for await (const part of process.stdin) heard += part;
  } catch {
    // A pipe that breaks is a pipe that closes.
  }
  return heard.trim();
}
