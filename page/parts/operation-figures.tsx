import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import { DataTable } from './data-table.tsx';
import { Name } from './foreign.tsx';

type Row = Result['operations'][string] & { readonly verb: string };
const PERCENTILES = ['p50', 'p95', 'p99', 'max'] as const;

/** The figures of the operations, by verb, as the result has them. */
export function OperationFigures({ operations }: Pick<Result, 'operations'>) {
  const { t, format } = useSettings();
  return (
    <DataTable<Row>
      caption={t('operations')}
      rows={Object.entries(operations).map(([verb, figures]) => ({ verb, ...figures }))}
      keyOf={({ verb }) => verb}
      mayFilter={false}
      columns={[
        {
          key: 'verb',
          head: t('operation'),
          value: ({ verb }) => verb,
          cell: ({ verb }) => <Name text={verb} />,
          isHead: true,
        },
        { key: 'count', head: t('count'), value: ({ count }) => count },
        { key: 'failed', head: t('failed'), value: ({ failed }) => failed },
        ...PERCENTILES.map((name) => ({
          key: name,
          head: name,
          value: ({ latency }: Row) => latency?.[name],
          cell: ({ latency }: Row) => (latency ? format.seconds(latency[name]) : '–'),
        })),
      ]}
    />
  );
}
