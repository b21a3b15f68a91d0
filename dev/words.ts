import { LINE_LENGTH } from './markdown.ts';

/** What texts of the project are held to. Each rule is a pure function; words.test.ts applies them to the whole of it. */

/** Old or odd words, and what to write instead. Readers are students whose first language is not English. */
const ODD_WORDS: Readonly<Record<string, string>> = {
  'befalls?|befell': 'is done to, hits',
  amiss: 'wrong',
  shall: 'should, must, will',
  lest: 'so that … not',
  'so many': 'the number',
  'in place of': 'instead of',
  'is alone with': 'is the only one',
  'the like': 'such',
  'could be had|can be had|to be had': 'is available',
  'mends?': 'fix, correct',
};

/** Lines of prose that are longer than a screen is wide: tables, code and addresses stay as they are. */
export function longLines(markdown: string): string[] {
  return prose(markdown)
    .filter(({ line }) => !line.startsWith('|') && line.length > LINE_LENGTH && line.trim().includes(' '))
    .map(({ line, number }) => `line ${number} has ${line.length} characters: ${line.slice(0, 60)}…`);
}

export function oddWords(text: string): string[] {
  return text.split('\n').flatMap((line, index) =>
    Object.entries(ODD_WORDS).flatMap(([odd, better]) => {
      const found = new RegExp(`\\b(?:${odd})\\b`, 'i').exec(line);
      return found ? [`line ${index + 1} says "${found[0]}"; write: ${better}`] : [];
    }),
  );
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { line } of prose(markdown)) {
    const [, heading] = /^#+ (.*)$/.exec(line) ?? [];
    if (heading === undefined) continue;
    const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let n = 1; anchors.has(unique); n++) unique = `${anchor}-${n}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Relative links of a page: the file (empty for the page itself) and the anchor, if any. */
export function linksOf(markdown: string): { readonly file: string; readonly anchor: string | undefined }[] {
  const text = prose(markdown)
    .map(({ line }) => line.replaceAll(/`[^`]*`/g, ''))
    .join('\n');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      return { file, anchor };
    });
}

/** The lines outside of blocks of code. */
function prose(markdown: string): { line: string; number: number }[] {
  let isCode = false;
  return markdown.split('\n').flatMap((line, index) => {
    const isFence = /^\s*```/.test(line);
    if (isFence) isCode = !isCode;
    return isCode || isFence ? [] : [{ line, number: index + 1 }];
  });
}
