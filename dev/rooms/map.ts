import { table } from '../markdown.ts';
import type { Room } from './table.ts';

const BEGIN = '<!-- rooms: made by `make generate` from dev/rooms/table.ts, change it there -->';
const END = '<!-- end of rooms -->';

/** Puts the table of rooms into the map, between its two marks. */
export function withRooms(text: string, rooms: readonly Room[]): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin)
    throw new Error(`ARCHITECTURE.md has lost the marks around its rooms: ${BEGIN} … ${END}`);
  return `${text.slice(0, begin + BEGIN.length)}\n\n${roomsTable(rooms)}\n\n${text.slice(end)}`;
}

function roomsTable(rooms: readonly Room[]): string {
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
