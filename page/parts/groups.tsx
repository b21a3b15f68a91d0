import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import { type Column, DataTable } from './data-table.tsx';
import { Name } from './foreign.tsx';

type Row = Result['groups'][string] & { readonly name: string };

/** The figures of each group, as the result has them. */
export function Groups({ groups }: Pick<Result, 'groups'>) {
  const { t, format } = useSettings();
  const rate = (key: 'p50' | 'aggregate', head: string): Column<Row> => {
    const of = ({ transfers }: Row) => transfers.throughputBytesPerSecond?.[key];
    return { key, head, value: of, cell: (row) => shown(of(row), format.rate.bind(format)) };
  };
  const columns: Column<Row>[] = [
    {
      key: 'name',
      head: t('group'),
      value: ({ name }) => name,
      cell: ({ name }) => <Name text={name} />,
      isHead: true,
    },
    { key: 'ok', head: t('transfers'), value: ({ transfers }) => transfers.ok },
    { key: 'failed', head: t('failed'), value: ({ transfers }) => transfers.failed },
    {
      ...{ key: 'bytes', head: t('moved'), value: ({ transfers }) => transfers.bytes },
      cell: ({ transfers }) => format.bytes(transfers.bytes),
    },
    rate('p50', t('rate.each')),
    rate('aggregate', t('rate.together')),
    { key: 'jain', head: t('jain'), value: ({ fairness }) => fairness?.jain },
  ];
  const rows = Object.entries(groups).map(([name, figures]) => ({ name, ...figures }));
  return <DataTable<Row> caption={t('groups')} rows={rows} keyOf={({ name }) => name} columns={columns} />;
}

function shown(value: number | undefined, text: (value: number) => string): string {
  return value === undefined ? '–' : text(value);
}
