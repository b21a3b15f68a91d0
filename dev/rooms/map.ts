import { table } from '../markdown.ts';
import type { Room } from './table.ts';

/** The table of rooms, for ARCHITECTURE.md. */
export function roomsTable(rooms: readonly Room[]): string {
  const names = (paths: readonly string[]) => paths.map((path) => `\`${path}\``).join(', ');
  return table(
    ['room', 'what it is', 'may import'],
    rooms.map(({ path, is, may, testsMay = [] }) => [
      `\`${path}\``,
      is,
      [names(may) || '–', ...(testsMay.length > 0 ? [`tests also ${names(testsMay)}`] : [])].join('; '),
    ]),
  );
}
