/** How much of a log is read to find them. */
export const LAST_WORDS_BYTES = 16_384;
const LINES = 20;
const LINE_CHARACTERS = 400;
/** Of a stack, the first frames say where; the others only push the message out of sight. */
const FRAMES_KEPT = 2;
const FRAME = /^\s+at .+/;

/** The last lines of a log, for an error message: stacks are shortened, so that the message above one is among them. */
export function lastWords(log: string): string {
  const lines: string[] = [];
  let frames = 0;
  for (const line of log.trimEnd().split('\n')) {
    frames = FRAME.test(line) ? frames + 1 : 0;
    if (frames === FRAMES_KEPT + 1) lines.push('    …');
    if (frames > FRAMES_KEPT) continue;
    lines.push(line.length > LINE_CHARACTERS ? `${line.slice(0, LINE_CHARACTERS)}…` : line);
  }
  return lines.slice(-LINES).join('\n');
}
