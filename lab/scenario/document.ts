import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLMap,
  type YAMLParseError,
} from 'yaml';
import { type Flaw, type Mistake, ScenarioInvalid } from '../language/mistake.ts';
import { suggestion } from '../language/suggestion.ts';
import { locate, placeOf } from './locate.ts';

/** A YAML file, read: what it says, and where each thing in it stands. */
export interface ReadDocument {
  readonly value: unknown;
  /** Turns flaws into the error that names their places. */
  invalid(flaws: readonly Flaw[]): ScenarioInvalid;
}

/** Bounds on the file, far above any scenario and far below what hurts. */
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_ALIASES = 100;
const MAX_DEPTH = 40;

/** One dialect for all files: what a person could take for two things is refused, and not guessed. */
const YAML = {
  version: '1.2',
  prettyErrors: false,
  // The parser holds each key against all before it, which takes minutes for a large map: it is done here.
  uniqueKeys: false,
} as const;

/** Text of a file. @throws ScenarioInvalid when it is not UTF-8 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const refuse = (message: string) => new ScenarioInvalid(file, [{ line: 1, column: 1, message }]);
  if (bytes.length > MAX_TEXT_BYTES) throw refuse('expected at most 1 MiB of text');
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16 || bytes.subarray(0, 4).includes(0))
    throw refuse('this is not UTF-8 (it looks like UTF-16): save it as UTF-8');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse('this is not UTF-8 (some letters are of another encoding): save it as UTF-8');
  }
}

/** @throws ScenarioInvalid with what is wrong with it as YAML, in words of people */
export function readDocument(text: string, file: string): ReadDocument {
  const lines = new LineCounter();
  const refuse = (message: string) => new ScenarioInvalid(file, [{ line: 1, column: 1, message }]);
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw refuse('expected at most 1 MiB of text');
  if (deeperThan(text, MAX_DEPTH)) throw refuse(`expected at most ${MAX_DEPTH} levels of nesting`);
  const document = parseDocument(text, { ...YAML, lineCounter: lines });
  const mistakes = [...syntaxMistakes(document.errors, text, lines), ...ambiguities(document, text, lines)];
  if (mistakes.length > 0) throw new ScenarioInvalid(file, mistakes);
  const invalid = (flaws: readonly Flaw[]) =>
    new ScenarioInvalid(
      file,
      flaws.map((flaw) => locate(document.contents, lines, flaw)),
    );
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }), invalid };
  } catch {
    throw refuse(`expected at most ${MAX_ALIASES} uses of aliases`);
  }
}

/** What the parser calls its errors, in our words; what is not here is a mistake of the punctuation. */
const SYNTAX: Record<string, string> = {
  TAB_AS_INDENT: 'a tab stands at the beginning of the line: write spaces',
  MULTIPLE_DOCS: 'a second document begins here: a file holds one; leave out the line --- or ...',
  BAD_INDENT: 'the line does not begin in the column of those that it belongs to, or a bracket is not closed before it',
  BLOCK_AS_IMPLICIT_KEY: 'a line has one "key: value": begin a new line, or put a text with a colon in quotes',
  MULTILINE_IMPLICIT_KEY: 'expected "key: value": a colon and a space are missing',
  MISSING_CHAR: 'expected "key: value", or a quote that ends the text',
  BAD_SCALAR_START: 'no text begins with this character: put it in quotes',
  BAD_DQ_ESCAPE: 'there is no such escape: write \\\\ for a backslash, or use single quotes',
  UNEXPECTED_TOKEN: 'this does not go on what stands before it: is a quote, bracket or comma missing or too much?',
};

/** Spaces that look like one and are none: copied from pages and word processors. */
const ODD_SPACE = /[\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]/;
const oddSpace = (character: string) =>
  `a space that YAML does not take for one (U+${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}): write a plain space`;

function syntaxMistakes(errors: readonly YAMLParseError[], text: string, lines: LineCounter): Mistake[] {
  return errors.map(({ code, pos: [offset] }) => {
    const { line } = placeOf(lines, offset);
    const lineStart = lines.lineStarts[line - 1] ?? 0;
    // One error may be told at the line after the one that is wrong.
    const odd = ODD_SPACE.exec(text.slice(lineStart, lines.lineStarts[line + 1]));
    if (odd) return { ...placeOf(lines, lineStart + odd.index), message: oddSpace(odd[0]) };
    return { ...placeOf(lines, offset), message: SYNTAX[code] ?? (SYNTAX.UNEXPECTED_TOKEN as string) };
  });
}

/** What is right YAML and means something else than it seems to, or nothing. */
function ambiguities(document: Document, text: string, lines: LineCounter): Mistake[] {
  const mistakes: Mistake[] = [];
  const report = (node: Node, message: string) => mistakes.push({ ...placeOf(lines, node.range?.[0] ?? 0), message });
  const anchors: string[] = [];
  if (/^%/m.test(text.slice(0, document.contents?.range?.[0] ?? 0)))
    mistakes.push({ line: 1, column: 1, message: 'a line that begins with % is not read: leave it out' });
  visit(document, {
    Node: (key, node) => {
      const { anchor, tag } = node as { anchor?: string; tag?: string };
      if (isAlias(node)) {
        if (!anchors.includes(node.source))
          report(node, `there is no anchor &${node.source} before *${node.source}.${suggestion(node.source, anchors)}`);
        return;
      }
      if (anchor !== undefined) anchors.push(anchor);
      if (tag?.startsWith('!')) report(node, `the tag ${tag} means nothing here: leave it out`);
      if (isMap(node))
        for (const key of repeatedKeys(node)) report(key, `the key ${key} stands here a second time: keep one of them`);
      if (isScalar(node)) for (const message of scalarFlaws(node, key === 'key')) report(node, message);
    },
    Pair: (_, pair) => {
      if (isMerge(pair))
        report(
          pair.key as Node,
          'YAML 1.2 has no merge (<<): write the keys out, or an alias instead of the whole map',
        );
    },
  });
  return mistakes;
}

function repeatedKeys({ items }: YAMLMap): Scalar[] {
  const seen = new Set<unknown>();
  return items.flatMap(({ key }) => {
    if (!isScalar(key)) return [];
    if (seen.has(key.value)) return [key];
    seen.add(key.value);
    return [];
  });
}

const isMerge = ({ key }: Pair) => isScalar(key) && key.source === '<<' && key.type === 'PLAIN';

function scalarFlaws({ source = '', type }: Scalar, isKey: boolean): string[] {
  if (type !== 'PLAIN') return [];
  const odd = ODD_SPACE.exec(isKey ? source : `${source.at(0) ?? ''}${source.at(-1) ?? ''}`);
  if (odd) return [oddSpace(odd[0])];
  if (/^[-+]?0\d+$/.test(source))
    return [`${source} could be two numbers: write ${Number(source)}, or "${source}" for a text`];
  return [];
}

/** Cheap look before parsing: brackets and indentation nest the text deeper than `limit`. */
function deeperThan(text: string, limit: number): boolean {
  let brackets = 0;
  for (const character of text) {
    if (character === '[' || character === '{') brackets++;
    if (character === ']' || character === '}') brackets--;
    if (brackets > limit) return true;
  }
  return /^ *(- ){40}/m.test(text) || new RegExp(`^ {${limit * 8}}`, 'm').test(text);
}

/** A document in which every alias stands for itself, so that one place can be changed without the others. */
export function expandedDocument(text: string): Document {
  const document = parseDocument(text, YAML);
  visit(document, {
    Alias: (_, alias) => {
      const copy = alias.resolve(document)?.clone() as { anchor?: string } | undefined;
      delete copy?.anchor;
      return copy as Node | undefined;
    },
  });
  return document;
}
