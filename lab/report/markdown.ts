/** Text that Markdown and HTML take for nothing else: a file name makes no picture, no link and no row. It must be printable already. */
export function plain(text: string): string {
  return text.trim().replace(/[\\`*_[\]<>&|~#!]/g, '\\$&');
}

/** A row of a table; cells that come from elsewhere must be `plain`. */
export function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
