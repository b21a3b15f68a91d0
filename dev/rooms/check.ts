import type { SourceFile } from './imports.ts';
import type { Room } from './table.ts';

/** Holds files against the table of rooms. Each function returns a sentence for each thing that is wrong. */

const isTest = (file: string) => /\.(test|contract)\.tsx?$/.test(file) || file.includes('/testing/');
/** Where relative imports may leave a room: what no compiler lays out elsewhere. */
const UNBUILT = /^(lab|dev|bench|page)\//;

export function covers(pattern: string, file: string): boolean {
  if (pattern.endsWith('/')) return file.startsWith(pattern);
  if (!pattern.endsWith('*')) return file === pattern;
  const folder = pattern.slice(0, -1);
  return file.startsWith(folder) && !file.slice(folder.length).includes('/');
}

export function roomOf(file: string, rooms: readonly Room[]): Room | undefined {
  return rooms
    .filter(({ path }) => covers(path, file))
    .sort((a, b) => b.path.length - a.path.length)
    .at(0);
}

/** Files without a room, and imports that their room may not have. */
export function trespasses(files: readonly SourceFile[], rooms: readonly Room[]): string[] {
  return files.flatMap(({ file, imports }) => {
    const room = roomOf(file, rooms);
    if (!room) return [`${file} is in no room: write one for its folder into dev/rooms/table.ts`];
    const forTests = isTest(file) ? (room.testsMay ?? []) : [];
    const allowed = [room.path, ...room.may, ...forTests];
    return imports.flatMap(({ specifier, target }) => {
      const isUnbuilt = UNBUILT.test(file) || forTests.some((pattern) => covers(pattern, target));
      if (specifier.includes('../../') && !isUnbuilt)
        return [`${file}: "${specifier}": across rooms use #proto/ or #base/`];
      if (allowed.some((pattern) => covers(pattern, target))) return [];
      return [`${file} may not import ${target} (it may: ${allowed.join(', ')})`];
    });
  });
}

/** Lines of the table that nothing needs any more: the map would show ways that nobody goes. */
export function unused(files: readonly SourceFile[], rooms: readonly Room[]): string[] {
  return rooms.flatMap((room) => {
    const own = files.filter(({ file }) => roomOf(file, rooms) === room);
    if (own.length === 0) return [`${room.path} is a room without a file: take it out of dev/rooms/table.ts`];
    const targets = own.flatMap(({ imports }) => imports.map(({ target }) => target));
    return [...room.may, ...(room.testsMay ?? [])]
      .filter((pattern) => !targets.some((target) => covers(pattern, target)))
      .map((pattern) => `${room.path} may import ${pattern}, and no file does: take it out of dev/rooms/table.ts`);
  });
}

/** Rooms that know each other both ways, in however many steps, are one room with a wall in it; tests may look over a wall. */
export function circles(files: readonly SourceFile[], rooms: readonly Room[]): string[] {
  return waysBack(knownRooms(files, rooms));
}

function knownRooms(files: readonly SourceFile[], rooms: readonly Room[]): Map<string, Set<string>> {
  const known = new Map<string, Set<string>>(rooms.map(({ path }) => [path, new Set()]));
  for (const { file, imports } of files) {
    const from = roomOf(file, rooms)?.path;
    if (from === undefined || isTest(file)) continue;
    for (const { target } of imports) {
      const to = roomOf(target, rooms)?.path;
      if (to !== undefined && to !== from) known.get(from)?.add(to);
    }
  }
  return known;
}

/** Walks the graph depth first: an edge to a room that is still on the way from the start closes a circle. */
function waysBack(known: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (room: string, way: readonly string[]) => {
    const begin = way.indexOf(room);
    if (begin >= 0) found.push(`rooms know each other in a circle: ${[...way.slice(begin), room].join(' → ')}`);
    if (begin >= 0 || done.has(room)) return;
    for (const next of known.get(room) ?? []) visit(next, [...way, room]);
    done.add(room);
  };
  for (const room of known.keys()) visit(room, []);
  return found;
}
