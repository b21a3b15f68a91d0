import type { ResultsFolder } from '../history/results-folder.ts';

/** What a line of a log that is not pino's must match to be an error, or a warning: the scenario's word (`logs`). */
export interface LogRules {
  readonly errors?: string | undefined;
  readonly warnings?: string | undefined;
}

/** pino's levels: 40 warns, 50 is an error. */
const RULE_OF_LEVEL: Readonly<Record<number, keyof LogRules>> = { 40: 'warnings', 50: 'errors' };

/** Lines of the logs: by instance and level, and by instance and the texts that expectations look for. */
export interface LogCounts {
  /** The logs that were collected. */
  readonly logs: ReadonlyMap<string, LogRead>;
  readonly levels: ReadonlyMap<string, ReadonlyMap<number, number>>;
  readonly texts: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Instances that stood before the run: their logs are not the run's, and are no part of a sum over all. */
  readonly elsewhere?: readonly string[];
}

/** How the lines of one log were read. */
export interface LogRead {
  readonly lines: number;
  /** Lines whose level is known: those of pino. */
  readonly leveled: number;
  /** The number of the first line, counted from 1, whose level is unknown. */
  readonly firstUnknown?: number | undefined;
}

/** Longer lines are matched with the scenario's rules as far as this. */
const MAX_RULE_CHARS = 4096;
const PINO_LINE = /^\{\s*"level":\s*(?<level>\d+)(?:,"time":"[^"]*","name":"peer","peer":"(?<peer>[a-z0-9-]+)")?/;

/** Reads all logs once. @param see is shown each line of each instance */
export async function countLogs(
  folder: ResultsFolder,
  texts: readonly string[],
  rules: LogRules = {},
  see: (peer: string, line: string, number: number) => void = () => {},
): Promise<LogCounts> {
  const logs = new Map<string, { lines: number; leveled: number; firstUnknown?: number }>();
  const levels = new Map<string, Map<number, number>>();
  const found = new Map<string, Map<string, number>>();
  const bump = <K>(counts: Map<string, Map<K, number>>, instance: string, key: K) => {
    const own = counts.get(instance) ?? new Map<K, number>();
    counts.set(instance, own.set(key, (own.get(key) ?? 0) + 1));
  };
  const matchers = Object.entries(RULE_OF_LEVEL).flatMap(([level, name]) => {
    const rule = rules[name];
    return rule === undefined ? [] : [{ level: Number(level), pattern: new RegExp(rule) }];
  });
  for (const log of await folder.collectedLogs()) logs.set(log, { lines: 0, leveled: 0 });
  for await (const { instance: log, line, number } of folder.logLines()) {
    const read = logs.get(log);
    if (!read || line.trim() === '') continue;
    read.lines++;
    const { level, peer } = PINO_LINE.exec(line)?.groups ?? {};
    // The log of a host is of many: a line names its peer.
    const instance = peer ?? log;
    if (level !== undefined) {
      read.leveled++;
      bump(levels, instance, Number(level));
    } else {
      read.firstUnknown ??= number;
      const rule = matchers.find(({ pattern }) => pattern.test(line.slice(0, MAX_RULE_CHARS)));
      if (rule) bump(levels, instance, rule.level);
    }
    see(instance, line, number);
    for (const text of texts) if (line.includes(text)) bump(found, instance, text);
  }
  return { logs, levels, texts: found };
}

/**
 * Why nobody knows how many lines of this level a log has; undefined when it is known. Of lines that are not pino's nothing is known, unless
 * the scenario has a rule for them. A log without lines may be of a program that logs nowhere: PeerLab's own say at least that they are ready.
 */
export function whyUncounted(name: string, { logs }: LogCounts, level: number, rules: LogRules): string | undefined {
  const log = logs.get(name);
  if (!log) return `no log of ${name} was collected`;
  const rule = RULE_OF_LEVEL[level];
  if (rule !== undefined && rules[rule] !== undefined) return undefined;
  if (log.lines === 0) return `the log of ${name} is empty`;
  if (log.firstUnknown === undefined) return undefined;
  return `line ${log.firstUnknown} of logs/${name}.log is not a JSON line of pino, and the scenario has no rule for such lines (logs)`;
}

/** The logs of which some lines were counted by the scenario's rules. */
export function countedByRule({ logs }: LogCounts, rules: LogRules): string[] {
  if (rules.errors === undefined && rules.warnings === undefined) return [];
  return [...logs].filter(([, { lines, leveled }]) => leveled < lines || lines === 0).map(([name]) => name);
}
