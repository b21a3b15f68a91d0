import { pino } from 'pino';
import { printableJson } from '#proto/printable.ts';

export type { Logger } from 'pino';

/** A level of that name, or `info` when there is none. */
export function knownLevel(level: string): string {
  return level in pino.levels.values || level === 'silent' ? level : 'info';
}

const standardOutput = pino.destination({ dest: 1, sync: true });

/** JSON lines on standard output. Secrets are never passed to it; the redaction is the second line of defence. */
export function createLogger(name: string, level: string) {
  return pino(
    {
      name,
      level: knownLevel(level),
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['req.headers.authorization', 'password', 'token'],
    },
    // Logs are read on terminals, and file names of others stand in them.
    { write: (line: string) => void standardOutput.write(printableJson(line)) },
  );
}
