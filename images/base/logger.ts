import { pino } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on standard output. Secrets are never passed to it; the redaction is the second line of defence. */
export function createLogger(name: string, level: string) {
  return pino({
    name,
    level: level in pino.levels.values || level === 'silent' ? level : 'info',
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['req.headers.authorization', 'password', 'token'],
  });
}
