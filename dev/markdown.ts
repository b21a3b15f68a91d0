/** Markdown as the generated pages use it. */

export const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

export const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

export const page = (title: string, source: string, ...parts: string[]) =>
  `# ${title}\n\n<!-- Made by \`make generate\` from ${source}: change it there. -->\n\n${parts.join('\n\n')}\n`;

/** Puts what was made from `source` into a page that people write, between two marks that stand in it. */
export function withMade(text: string, source: string, made: string): string {
  const begin = `<!-- Made by \`make generate\` from ${source}: change it there. -->`;
  const end = `<!-- End of what is made from ${source}. -->`;
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has lost the marks around what is made: ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n\n${made}\n\n${text.slice(to)}`;
}
