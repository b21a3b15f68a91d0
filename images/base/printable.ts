/** Longest text of another peer that is passed on to people. */
const MAX_REASON_CHARS = 300;

/** Foreign text, fit for one line on a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{C}+/gu, ' ').slice(0, MAX_REASON_CHARS);
}
