import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * Who may import whom (ARCHITECTURE.md has the reasons). The first rule whose `from` begins a file's path says what the
 * file may import: other files of the project whose paths begin with one of `may`. Packages are free to all. Tests may
 * also import what stands in `testsMay`.
 */
interface Rule {
  readonly from: string;
  readonly may: readonly string[];
  readonly testsMay?: readonly string[];
}

const RULES: readonly Rule[] = [
  { from: 'proto/', may: ['proto/'] },
  { from: 'lab/limit.ts', may: [] },
  { from: 'images/base/', may: ['images/base/', 'proto/'] },
  { from: 'images/directory/', may: ['images/directory/', 'images/base/', 'proto/'] },
  { from: 'images/peer/', may: ['images/peer/', 'images/base/', 'proto/'] },
  { from: 'lab/main.ts', may: ['lab/', 'proto/'] },
  { from: 'lab/drivers/process/', may: ['lab/drivers/process/', 'lab/drivers/*.ts', 'lab/limit.ts', 'proto/'] },
  { from: 'lab/drivers/docker/', may: ['lab/drivers/docker/', 'lab/drivers/*.ts', 'lab/limit.ts', 'proto/'] },
  { from: 'lab/drivers/', may: ['lab/drivers/', 'lab/doubles/names.ts', 'lab/limit.ts', 'proto/'] },
  { from: 'lab/history/', may: ['lab/history/', 'proto/'] },
  { from: 'lab/instance-http.ts', may: ['proto/'] },
  {
    from: 'lab/language/',
    may: ['lab/language/', 'lab/doubles/names.ts', 'lab/history/events.ts', 'proto/'],
  },
  {
    from: 'lab/steps/',
    may: ['lab/steps/', 'lab/language/', 'lab/checks/', 'lab/doubles/names.ts', 'lab/history/events.ts', 'proto/'],
    // A step is tried by the plan that a scenario with it gives.
    testsMay: ['lab/scenario/'],
  },
  {
    from: 'lab/faults/',
    may: ['lab/faults/', 'lab/drivers/driver.ts', 'lab/history/', 'proto/'],
    testsMay: ['lab/drivers/'],
  },
  {
    from: 'lab/scenario/',
    may: [
      'lab/scenario/',
      'lab/language/',
      'lab/steps/',
      'lab/checks/',
      'lab/doubles/names.ts',
      'lab/history/events.ts',
      'proto/',
    ],
  },
  {
    from: 'lab/metrics/',
    may: ['lab/metrics/', 'lab/history/', 'lab/instance-http.ts', 'lab/limit.ts', 'lab/drivers/driver.ts', 'proto/'],
  },
  {
    from: 'lab/checks/',
    may: ['lab/checks/', 'lab/history/', 'lab/metrics/prometheus-text.ts', 'lab/language/suggestion.ts', 'proto/'],
  },
  { from: 'lab/report/', may: ['lab/report/', 'lab/checks/', 'lab/history/', 'lab/run/progress.ts', 'proto/'] },
  {
    from: 'lab/run/',
    may: [
      'lab/run/',
      'lab/limit.ts',
      'lab/checks/',
      'lab/drivers/driver.ts',
      'lab/faults/',
      'lab/history/',
      'lab/instance-http.ts',
      'lab/language/',
      'lab/metrics/',
      'lab/scenario/',
      'lab/steps/',
      'proto/',
    ],
  },
  {
    from: 'lab/doctor/',
    may: [
      'lab/doctor/',
      'lab/drivers/*.ts',
      'lab/drivers/docker/survey.ts',
      'lab/drivers/process/ports.ts',
      'lab/language/',
      'lab/scenario/',
      'lab/steps/',
      'proto/',
    ],
    testsMay: ['lab/drivers/'],
  },
  {
    from: 'lab/doubles/',
    may: ['lab/doubles/', 'proto/'],
    testsMay: ['lab/end-to-end.ts', 'lab/limit.ts', 'lab/scenario/', 'lab/doctor/needs.ts', 'lab/drivers/process/'],
  },
  {
    from: 'lab/watchdog/',
    may: [
      'lab/watchdog/',
      'lab/drivers/*.ts',
      'lab/drivers/docker/sweeper.ts',
      'lab/drivers/docker/staging.ts',
      'lab/drivers/process/sweeper.ts',
      'lab/history/',
      'proto/',
    ],
    testsMay: ['lab/end-to-end.ts'],
  },
  { from: 'lab/', may: ['lab/', 'proto/'] },
  {
    from: 'dev/',
    may: [
      'dev/',
      'proto/',
      'lab/report/',
      'lab/language/',
      'lab/scenario/',
      'lab/steps/',
      'lab/checks/',
      'lab/drivers/docker/engine.ts',
    ],
  },
  { from: '', may: [''] },
];

const SPECIFIER =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s*['"]([^'"]+)['"]/g;
const ROOMS: Record<string, string> = { '#proto/': 'proto/', '#base/': 'images/base/' };

const root = path.resolve(import.meta.dirname, '..');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
  (file) =>
    file.endsWith('.ts') && !/^(node_modules|\.node|dist|results|coverage)\//.test(file) && !file.endsWith('.d.ts'),
);

const complaints = files.flatMap((file) => {
  const rule = RULES.find(({ from }) => file.startsWith(from)) as Rule;
  return importsOf(file).flatMap(({ specifier, target }) => {
    if (specifier.includes('../../') && !/^(lab|dev|bench)\//.test(file))
      return [`${file}: "${specifier}": across rooms use #proto/ or #base/`];
    const allowed = [
      ...rule.may,
      ...(file.endsWith('.test.ts') || file.endsWith('.contract.ts') ? (rule.testsMay ?? []) : []),
    ];
    return allowed.some((prefix) => covers(prefix, target))
      ? []
      : [`${file} may not import ${target} (it may: ${rule.may.join(', ')})`];
  });
});

function covers(prefix: string, target: string): boolean {
  if (!prefix.endsWith('*.ts')) return target.startsWith(prefix);
  const folder = prefix.slice(0, -'*.ts'.length);
  return target.startsWith(folder) && !target.slice(folder.length).includes('/');
}

/** The project's own files that a file imports. */
function importsOf(file: string): { specifier: string; target: string }[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  return [...text.matchAll(SPECIFIER)].flatMap(([, from, dynamic, bare]) => {
    const specifier = from ?? dynamic ?? bare ?? '';
    const room = Object.keys(ROOMS).find((prefix) => specifier.startsWith(prefix));
    if (room) return [{ specifier, target: (ROOMS[room] as string) + specifier.slice(room.length) }];
    if (!specifier.startsWith('.')) return [];
    return [{ specifier, target: path.join(path.dirname(file), specifier) }];
  });
}

/**
 * Rooms that know each other both ways, in however many steps, are one room with a wall in it. A room is a folder of `lab/`, or a
 * file that lies beside them; tests may look over a wall.
 */
function circles(): string[] {
  const code = files.filter((file) => file.startsWith('lab/') && !isTest(file));
  const known = new Map(
    [...Map.groupBy(code, roomOf)].map(([room, inside]) => {
      const targets = inside.flatMap(importsOf).map(({ target }) => target);
      return [room, new Set(targets.filter((target) => target.startsWith('lab/')).map(roomOf))] as const;
    }),
  );
  for (const [room, others] of known) others.delete(room);
  return [...known.keys()].flatMap((room) => {
    const way = wayBack(room, known);
    return way && room === [...way].sort()[0] ? [`rooms in a circle: ${way.join(' → ')}`] : [];
  });
}

const roomOf = (file: string) => file.split('/').slice(0, 2).join('/');
const isTest = (file: string) => /\.(test|contract)\.ts$/.test(file) || file === 'lab/end-to-end.ts';

/** The shortest way from a room through others back to it. */
function wayBack(room: string, known: ReadonlyMap<string, ReadonlySet<string>>): string[] | undefined {
  const ways = [[room]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const next of known.get(way.at(-1) as string) ?? []) {
      if (next === room) return [...way, room];
      if (!seen.has(next)) ways.push([...way, next]);
      seen.add(next);
    }
  }
  return undefined;
}

complaints.push(...circles());
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.stdout.write(`${files.length} files, ${complaints.length} imports against the rules\n`);
process.exitCode = complaints.length > 0 || files.length < 20 ? 1 : 0;
