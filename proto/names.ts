import { PeerLabError } from './errors.ts';

/** Bytes in the longest file name that common file systems take. */
export const MAX_NAME_BYTES = 255;

/** The one name inside a share that peers keep for themselves: the folder of unfinished downloads. */
export const RESERVED_NAME = '.peerlab';

// Bidirectional controls make a name look like another one ("exe.txt"): Unicode TR #36, section 2.5.
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/;

/**
 * Why `name` can't be the name of a shared file; undefined when it can. A share is one flat folder, so a name is one
 * path segment. Everything else is allowed: spaces, newlines, leading dashes, dots; no Unicode normalisation takes place.
 */
export function nameFlaw(name: string): string | undefined {
  if (name === '') return 'an empty name';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `${Buffer.byteLength(name)} bytes`;
  if (!name.isWellFormed()) return 'text that is not well-formed Unicode';
  if (name === '.' || name === '..' || name === RESERVED_NAME) return `the reserved name "${name}"`;
  if (/[/\\]/.test(name)) return 'a path';
  if (name.includes('\0')) return 'a name with NUL';
  if (BIDI_CONTROLS.test(name)) return 'a name with bidirectional controls';
  return undefined;
}

/** @throws PeerLabError `bad-name` */
export function assertName(name: string): void {
  const flaw = nameFlaw(name);
  if (flaw) throw new PeerLabError('bad-name', { got: flaw });
}

export function isGlob(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/**
 * Does `name` match `pattern`, in which `*` stands for any run of characters and `?` for one? There is no other special
 * character and no escape. Takes O(pattern × name), as nothing before the last `*` is tried again: at most 65,000 steps.
 */
export function matchesGlob(name: string, pattern: string): boolean {
  return stepsToMatch(name, pattern) > 0;
}

const STAR = 0x2a;
const QUESTION_MARK = 0x3f;
/** Behind the last character of a pattern: equal to none. */
const END = -1;

/** How many comparisons that took, and one; negative when it does not match. */
function stepsToMatch(name: string, pattern: string): number {
  let at = 0;
  let g = 0;
  let star = -1;
  let starAt = 0;
  let steps = 1;
  while (at < name.length) {
    steps++;
    const wanted = g < pattern.length ? pattern.charCodeAt(g) : END;
    if (wanted === STAR) {
      star = g++;
      starAt = at;
    } else if (wanted === QUESTION_MARK) {
      g++;
      at += widthAt(name, at);
    } else if (wanted === name.charCodeAt(at)) {
      g++;
      at++;
    } else if (star >= 0) {
      g = star + 1;
      starAt += widthAt(name, starAt);
      at = starAt;
    } else {
      return -steps;
    }
  }
  while (pattern[g] === '*') g++;
  return g === pattern.length ? steps : -steps;
}

/**
 * `matchesGlob` for many names: what the pattern begins and ends with is compared first, and often decides.
 * @param maxSteps comparisons for all names together: where most take only a few, a hostile pattern takes 15,000 for each
 * @throws PeerLabError (the matcher) `search-too-costly` beyond that
 */
export function globMatcher(pattern: string, maxSteps: number): (name: string) => boolean {
  const head = pattern.slice(0, pattern.search(/[*?]|$/));
  const tail = pattern.slice(/[^*?]*$/.exec(pattern)?.index);
  let left = maxSteps;
  return (name) => {
    if (!name.startsWith(head) || !name.endsWith(tail)) return false;
    const steps = stepsToMatch(name, pattern);
    left -= Math.abs(steps);
    if (left < 0) throw new PeerLabError('search-too-costly');
    return steps > 0;
  };
}

/** A character outside of the Basic Multilingual Plane takes two units of a string, and is still one. */
function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
}
