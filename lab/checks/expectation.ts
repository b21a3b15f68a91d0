import { EXPECTED, parseDurationMs, parseSizeBytes } from '#proto/units.ts';
import { type Figure, type Names, parseFigureText, readFigure, type Unit } from './figure.ts';

/** `<figure> <comparison> <value>`: a number of the run, held against a limit in the figure's own unit. */
export interface Expectation {
  readonly expression: string;
  readonly figure: Figure;
  readonly comparison: Comparison;
  readonly limit: number;
}

type Comparison = '==' | '!=' | '<=' | '>=' | '<' | '>';

const COMPARE: Record<Comparison, (actual: number, limit: number) => boolean> = {
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
};

const LIMIT = /^\s*(==|!=|<=|>=|<|>)\s*(\S.*?)\s*$/s;

/** Checked for sense before anything starts: an unknown figure, or a limit in another unit, is a mistake. */
export function parseExpectation(text: string, names: Names): { expectation: Expectation } | { flaw: string } {
  const written = parseFigureText(text);
  if (written && 'flaw' in written) return { flaw: `${text.trim()}: ${written.flaw}` };
  const [, comparison, value] = (written && LIMIT.exec(text.slice(written.end))) ?? [];
  if (!written || !comparison || !value) {
    return { flaw: `expected "<figure> <comparison> <value>", such as "transfers.failed == 0", got "${text}"` };
  }
  const { text: figureText } = written.value;
  const read = readFigure(written.value, names);
  if ('flaw' in read) return { flaw: `${figureText}: ${read.flaw}` };
  const { expected, parse } = LIMITS[read.figure.unit];
  const limit = parse(value);
  if (limit === undefined) return { flaw: `${figureText}: expected ${expected}, got "${value}"` };
  return { expectation: { expression: text.trim(), figure: read.figure, comparison: comparison as Comparison, limit } };
}

/** Is it kept? A figure that is not there makes it null: neither kept nor broken. */
export function holds({ comparison, limit }: Expectation, actual: number | undefined): boolean | null {
  return actual === undefined || Number.isNaN(actual) ? null : COMPARE[comparison](actual, limit);
}

const LIMITS: Record<Unit, { expected: string; parse: (value: string) => number | undefined }> = {
  count: {
    expected: 'a number from 0, at most 2^53',
    parse: (value) => (/^\d+(\.\d+)?$/.test(value) && Number(value) <= 2 ** 53 ? Number(value) : undefined),
  },
  seconds: {
    expected: EXPECTED.duration,
    parse: (value) => {
      const ms = parseDurationMs(value);
      return ms === undefined ? undefined : ms / 1000;
    },
  },
  bytes: { expected: EXPECTED.size, parse: parseSizeBytes },
  'bytes/s': {
    expected: 'a rate such as 10MB/s',
    parse: (value) => (value.endsWith('/s') ? parseSizeBytes(value.slice(0, -2)) : undefined),
  },
  ratio: {
    expected: 'a number such as 0.9, or a percentage such as 90%, at most 1',
    parse: (value) => {
      const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(value) ?? [];
      const ratio = Number(number) / (percent ? 100 : 1);
      return ratio <= 1 ? ratio : undefined;
    },
  },
};
