/**
 * COLUMNS OF A TERMINAL. A character takes one column there, two (Chinese, Japanese, Korean, emoji) or none (marks on the letter before):
 * whoever lines texts up counts columns, not characters. Texts are printable already.
 */

/** What a reader sees as one character may be several: a letter with its marks, an emoji with its colour. */
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

const SCRIPTS = ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Bopomofo', 'Yi'].map((name) => `\\p{Script=${name}}`);
/** \ufe0f makes an emoji of what would be a letter. */
const WIDE = new RegExp(
  `[${SCRIPTS.join('')}\\p{Emoji_Presentation}\\u3000-\\u303e\\uff01-\\uff60\\uffe0-\\uffe6]|\\ufe0f`,
  'u',
);
/** Of those scripts, but half as wide as the others. */
const HALF_WIDTH = /^[\uff61-\uffdc]/;
const ONLY_MARKS = /^[\p{M}\u200c\u200d]+$/u;

/** How many columns a text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const { segment } of GRAPHEMES.segment(text)) columns += widthOf(segment);
  return columns;
}

/** Filled up with spaces: at its end, or before it. What is longer stays as it is. */
export function padded(text: string, columns: number, side: 'end' | 'start' = 'end'): string {
  const fill = ' '.repeat(Math.max(0, columns - columnsOf(text)));
  return side === 'end' ? text + fill : fill + text;
}

/** As much of a text as fits. */
export function fitted(text: string, columns: number): string {
  let left = columns;
  for (const { segment, index } of GRAPHEMES.segment(text)) {
    left -= widthOf(segment);
    if (left < 0) return text.slice(0, index);
  }
  return text;
}

function widthOf(grapheme: string): number {
  if (ONLY_MARKS.test(grapheme)) return 0;
  return WIDE.test(grapheme) && !HALF_WIDTH.test(grapheme) ? 2 : 1;
}
