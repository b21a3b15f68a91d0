/** Markdown as the generated pages use it. */

export const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

export const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

export const page = (title: string, source: string, ...parts: string[]) =>
  `# ${title}\n\n<!-- Made by \`make generate\` from ${source}: change it there. -->\n\n${parts.join('\n\n')}\n`;
