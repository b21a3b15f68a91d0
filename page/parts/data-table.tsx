import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Format } from '../settings/format.ts';
import { useSettings } from '../settings/settings.tsx';
import { CopyButton } from './copy-button.tsx';
import { shortName } from './foreign.tsx';

export interface Column<R> {
  readonly key: string;
  readonly head: string;
  /** What it is sorted and filtered by, and what is copied. */
  value(row: R): string | number | undefined;
  /** How it is shown, if not as it is. */
  cell?(row: R): ComponentChildren;
  /** It names the row. */
  readonly isHead?: boolean;
}

export interface DataTableProps<R> {
  /** What it is, for those who do not see it. */
  readonly caption: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly keyOf: (row: R) => string | number;
  /** Rows that are shown before somebody asks for all. */
  readonly shown?: number;
  readonly mayFilter?: boolean;
  readonly sortedBy?: Sorting;
  /** A narrow screen has no room for its columns: there, each row is a list, and its cells say what they are. */
  readonly isStacked?: boolean;
}

interface Sorting {
  readonly key: string;
  readonly down: boolean;
}

const SHOWN_ROWS = 25;
/** Below that many rows, a filter is only in the way. */
const MIN_ROWS_TO_FILTER = 8;
/** A browser that shows more of them at one time is slow. */
const MAX_ROWS = 2000;

/** A real table: its columns sort, its rows filter, and it can be copied into a spreadsheet. */
export function DataTable<R>(props: DataTableProps<R>) {
  const { caption, columns, rows, keyOf, shown = SHOWN_ROWS, mayFilter = rows.length >= MIN_ROWS_TO_FILTER } = props;
  const { t, language, format } = useSettings();
  const [sorting, setSorting] = useState<Sorting | undefined>(props.sortedBy);
  const [wanted, setWanted] = useState('');
  const [isWhole, setWhole] = useState(false);
  const id = useId();
  const found = sorted(filtered(rows, columns, wanted), columns, sorting, language);
  const limit = isWhole ? MAX_ROWS : shown;
  const sort = (key: string) => setSorting((now) => ({ key, down: now?.key === key ? !now.down : false }));
  return (
    <div class={props.isStacked ? 'table stacked' : 'table'}>
      <div class="tools">
        {mayFilter && (
          <label>
            {t('filter')}{' '}
            <input
              type="search"
              value={wanted}
              aria-controls={id}
              onInput={({ currentTarget }) => setWanted(currentTarget.value)}
            />
          </label>
        )}
        {mayFilter && (
          <span role="status">
            {t('rows', { shown: format.number(found.length), all: format.number(rows.length) })}
          </span>
        )}
        <CopyButton text={() => asLines(columns, found)} label={t('copy.table')} />
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section class="scrolls" tabIndex={0} aria-label={caption}>
        <table id={id}>
          <caption class="hidden">{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ key, head, value }) => (
                <th key={key} scope="col" class={alignment(rows, value)} aria-sort={directionOf(sorting, key)}>
                  <button type="button" onClick={() => sort(key)}>
                    {head}
                    <span aria-hidden="true" class="arrow">
                      {sorting?.key === key ? (sorting.down ? '▼' : '▲') : ''}
                    </span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, limit).map((row) => (
              <Row key={keyOf(row)} row={row} rows={rows} columns={columns} />
            ))}
          </tbody>
        </table>
      </section>
      {found.length > limit && (
        <p class="note">
          {t('rows.more', { more: format.number(found.length - limit) })}{' '}
          {!isWhole && (
            <button type="button" onClick={() => setWhole(true)}>
              {t('rows.all')}
            </button>
          )}
        </p>
      )}
    </div>
  );
}

function Row<R>({ row, rows, columns }: { row: R; rows: readonly R[]; columns: readonly Column<R>[] }) {
  const { format } = useSettings();
  return (
    <tr>
      {columns.map(({ key, head, value, cell, isHead }) => {
        const content = cell ? cell(row) : plainly(value(row), format);
        const align = alignment(rows, value);
        return isHead ? (
          <th key={key} scope="row" class={align}>
            {content}
          </th>
        ) : (
          <td key={key} class={align} data-head={head}>
            {content ?? '–'}
          </td>
        );
      })}
    </tr>
  );
}

function plainly(value: string | number | undefined, format: Format): string | undefined {
  return typeof value === 'number' ? format.number(value) : value === undefined ? undefined : shortName(value);
}

/** Numbers stand under each other. */
function alignment<R>(rows: readonly R[], value: Column<R>['value']): string | undefined {
  const known = rows.find((row) => value(row) !== undefined);
  return known !== undefined && typeof value(known) === 'number' ? 'number' : undefined;
}

function directionOf(sorting: Sorting | undefined, key: string) {
  if (sorting?.key !== key) return 'none';
  return sorting.down ? 'descending' : 'ascending';
}

function filtered<R>(rows: readonly R[], columns: readonly Column<R>[], wanted: string): readonly R[] {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text = columns
      .map(({ value }) => value(row) ?? '')
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** What is not known comes last, either way. */
function sorted<R>(
  rows: readonly R[],
  columns: readonly Column<R>[],
  sorting: Sorting | undefined,
  language: string,
): readonly R[] {
  const column = columns.find(({ key }) => key === sorting?.key);
  if (!column || !sorting) return rows;
  const { compare } = new Intl.Collator(language, { numeric: true });
  const way = sorting.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [column.value(a), column.value(b)];
    if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
    if (typeof left === 'number' && typeof right === 'number') return way * (left - right);
    return way * compare(String(left), String(right));
  });
}

/** As spreadsheets take it. A text that begins like a formula is none. */
function asLines<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const cell = (value: string | number | undefined) => {
    if (typeof value === 'number') return String(value);
    const text = (value ?? '').replace(/[\t\r\n]+/g, ' ');
    return /^[=+\-@]/.test(text) ? `'${text}` : text;
  };
  const lines = [columns.map(({ head }) => head), ...rows.map((row) => columns.map(({ value }) => cell(value(row))))];
  return lines.map((cells) => cells.join('\t')).join('\n');
}
