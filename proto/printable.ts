/**
 * FOREIGN TEXT IS SHOWN, NOT OBEYED. File names, messages of other peers and lines of their logs may hold anything: codes that move a terminal's
 * cursor, that turn the direction of writing, that XML forbids. Whoever shows text to people passes it through here, and nowhere else.
 */

/** Longest text of another program that is passed on in a message. */
const MAX_MESSAGE_CHARS = 300;
/** Longest text in a report or a table. */
const MAX_SHOWN_CHARS = 2000;

/**
 * Control codes (C0, DEL, C1), bidirectional and other invisible characters, lone surrogates, what Unicode has not assigned, and the separators of
 * lines and paragraphs. The two joiners stay: emoji and several scripts need them.
 */
const UNPRINTABLE = /(?![\u200c\u200d])[\p{C}\u2028\u2029]/gu;

const HALF_A_PAIR = /[\ud800-\udbff]$/;

/** A text on one line, with `\u{1b}` for what must not be obeyed, cut at `maxChars`. */
export function printable(text: string, maxChars = MAX_MESSAGE_CHARS): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars - 1).replace(HALF_A_PAIR, '')}…` : text;
  return cut
    .replace(/\r\n|\n|\t/g, ' ')
    .replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`);
}

/** The same value, every text in it fit to be shown. */
export function printableAll<T>(value: T): T {
  if (typeof value === 'string') return printable(value, MAX_SHOWN_CHARS) as T;
  if (Array.isArray(value)) return value.map(printableAll) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [printable(key, MAX_SHOWN_CHARS), printableAll(inner)]),
  ) as T;
}

/** JSON that means the same, with the escapes of JSON for what must not be obeyed; the line ends between values stay. */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE, (character) =>
    character === '\n' ? character : character.split('').map(jsonEscape).join(''),
  );
}

function jsonEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
