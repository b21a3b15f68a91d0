import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import { type Column, DataTable } from './data-table.tsx';
import { Foreign, Name } from './foreign.tsx';

type Crowd = NonNullable<Result['swarm']>['crowds'][number];
type Row = Crowd & { readonly name: string };

/** How crowds helped themselves, as the result has it. */
export function Swarm({ swarm }: { swarm: NonNullable<Result['swarm']> }) {
  const { t, format } = useSettings();
  const figure = (
    key: 'boundSeconds' | 'lastSeconds' | 'ratio' | 'speedup' | 'offload' | 'seederCopies' | 'fairness',
    text: (value: number) => string,
  ): Column<Row> => ({
    ...{ key, head: t(`swarm.${key}`), value: (row) => row[key] },
    cell: ({ [key]: value }) => (value === undefined ? '–' : text(value)),
  });
  const number = (value: number) => format.number(value, 2);
  const seconds = (value: number) => format.seconds(value);
  const columns: Column<Row>[] = [
    { key: 'name', head: t('file'), value: ({ name }) => name, cell: ({ name }) => <Name text={name} />, isHead: true },
    { key: 'peers', head: t('peers'), value: ({ peers }) => peers },
    figure('lastSeconds', seconds),
    figure('boundSeconds', seconds),
    figure('ratio', number),
    figure('speedup', number),
    figure('offload', (value) => format.percent(value)),
    figure('seederCopies', number),
    figure('fairness', number),
  ];
  const rows = swarm.crowds.map((crowd) => ({ ...crowd, name: crowd.contents.map(({ name }) => name).join(', ') }));
  const reasons = [...new Set(swarm.crowds.flatMap(({ missing }) => Object.values(missing)))];
  return (
    <>
      <p class="note">{t('swarm.about')}</p>
      <DataTable<Row>
        {...{ caption: t('swarm'), rows, columns }}
        keyOf={({ name, fromSeconds }) => `${name} ${fromSeconds}`}
      />
      {reasons.map((reason) => (
        <p class="note" key={reason}>
          <Foreign text={reason} />
        </p>
      ))}
    </>
  );
}
