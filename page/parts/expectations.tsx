import type { Result } from '../../lab/checks/result-schema.ts';
import type { Format, Unit } from '../settings/format.ts';
import { useSettings } from '../settings/settings.tsx';
import { type Column, DataTable } from './data-table.tsx';
import { Foreign } from './foreign.tsx';
import { Mark, outcomeOf } from './mark.tsx';

/** What was wanted, and what came: each expectation of the scenario, those that are broken first. */

interface Row {
  readonly place: number;
  readonly figure: string;
  readonly wanted: string;
  readonly actual: string;
  readonly ok: boolean | null;
  readonly expression: string;
  readonly remark: string;
}

const ORDER = { false: 0, null: 1, true: 2 } as const;

export function Expectations({ expectations, units }: Pick<Result, 'expectations'> & { units: readonly Unit[] }) {
  const { t, format } = useSettings();
  const rows = expectations
    .map(({ expression, actual, ok, missing = '', example = '' }, place): Row => {
      const { figure, wanted } = partsOf(expression);
      const unit = units[place] ?? 'count';
      const shown = actual === null ? t('figure.missing') : format.in(unit, actual);
      return {
        place,
        expression,
        figure,
        wanted: inUnit(wanted, unit, format),
        actual: shown,
        ok,
        remark: [missing, example].filter(Boolean).join('; '),
      };
    })
    .sort((a, b) => ORDER[`${a.ok}`] - ORDER[`${b.ok}`]);
  const hasRemarks = rows.some(({ remark }) => remark !== '');
  const columns: Column<Row>[] = [
    {
      key: 'ok',
      head: t('expectation.state'),
      value: ({ ok }) => t(`expectation.${outcomeOf(ok)}`),
      cell: ({ ok }) => <Mark outcome={outcomeOf(ok)} word={`expectation.${outcomeOf(ok)}`} />,
    },
    { key: 'figure', head: t('expectation.figure'), value: ({ figure }) => figure, isHead: true, cell: figureCell },
    { key: 'actual', head: t('expectation.actual'), value: ({ actual }) => actual },
    { key: 'wanted', head: t('expectation.wanted'), value: ({ wanted }) => wanted, cell: wantedCell },
  ];
  if (hasRemarks)
    columns.push({
      ...{ key: 'remark', head: t('remark'), value: ({ remark }: Row) => remark },
      cell: ({ remark }) => (
        <span class="reason">
          <Foreign text={remark} />
        </span>
      ),
    });
  return (
    <DataTable
      caption={t('expectations')}
      columns={columns}
      rows={rows}
      keyOf={({ place }) => place}
      shown={200}
      isStacked={true}
    />
  );
}

function figureCell({ figure }: Row) {
  return (
    <span class="figure">
      <Foreign text={figure} isCode={true} />
    </span>
  );
}

function wantedCell({ wanted }: Row) {
  return <Foreign text={wanted} isCode={true} />;
}

/** `figure < limit`: the last comparison counts, as labels in a figure may hold one. */
function partsOf(expression: string): { figure: string; wanted: string } {
  const [, figure = expression, wanted = ''] = /^(.*\S)\s+([=!<>]=?\s.*)$/s.exec(expression) ?? [];
  return { figure, wanted };
}

/** A limit that was written without a unit is read more easily in that of its figure. */
function inUnit(wanted: string, unit: Unit, format: Format): string {
  const [, comparison, number] = /^([=!<>]=?)\s+(\d+(?:\.\d+)?)$/.exec(wanted) ?? [];
  return number === undefined ? wanted : `${comparison} ${format.in(unit, Number(number))}`;
}
