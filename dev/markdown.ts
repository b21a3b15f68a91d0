/** Markdown as the generated pages use it. */

export const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

export const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The longest line of prose, in characters. Tables and code stay as they are. */
export const LINE_LENGTH = 120;

/** Prose as lines that fit; a list item goes on below its own text. */
function wrapped(block: string): string {
  if (/^(\||```|#|<!--)/.test(block)) return block;
  return block
    .replaceAll(/\n(?!- )/g, ' ')
    .split('\n')
    .map(wrappedLine)
    .join('\n');
}

function wrappedLine(line: string): string {
  const indent = line.startsWith('- ') ? '  ' : '';
  const lines: string[] = [];
  let current = '';
  // Code is one word, so that it is never cut in two.
  for (const word of line.match(/(?:`[^`]*`|[^`\s])+/g) ?? []) {
    if (current !== '' && `${current} ${word}`.length > LINE_LENGTH) {
      lines.push(current);
      current = `${indent}${word}`;
    } else current = current === '' ? word : `${current} ${word}`;
  }
  return [...lines, current].join('\n');
}

/** Blocks with a blank line between them, their prose wrapped. */
const prose = (text: string) => text.split('\n\n').map(wrapped).join('\n\n');

export const page = (title: string, source: string, ...parts: string[]) => {
  const begin = `<!-- Made by \`make generate\` from ${source}: change it there. -->`;
  return `# ${title}\n\n${begin}\n\n${parts.map(prose).join('\n\n')}\n`;
};

/** Puts what was made from `source` into a page that people write, between two marks that stand in it. */
export function withMade(text: string, source: string, made: string): string {
  const begin = `<!-- Made by \`make generate\` from ${source}: change it there. -->`;
  const end = `<!-- End of what is made from ${source}. -->`;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has lost the marks around what is made: ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${prose(made)}\n\n${text.slice(to)}`;
}
