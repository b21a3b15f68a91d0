import { useMemo } from 'preact/hooks';
import type { Result } from '../../lab/checks/result-schema.ts';
import { throughputByPeer } from '../model/per-peer.ts';
import type { Instance, Scene } from '../model/scene.ts';
import { peersOf } from '../model/scene.ts';
import { useSettings } from '../settings/settings.tsx';
import { type Column, DataTable } from './data-table.tsx';
import { Name, shortName } from './foreign.tsx';

/** What became of each peer. */

interface Row extends Instance {
  readonly rate: number | undefined;
}

export function Peers({ scene, result: { fairness, faults } }: { scene: Scene; result: Result }) {
  const { t, format } = useSettings();
  const rates = useMemo(() => throughputByPeer(scene.operations), [scene]);
  const rows = peersOf(scene).map((peer): Row => ({ ...peer, rate: rates.get(peer.name) }));
  const fatal = new Map(faults.list.filter(isFatal).map(({ who, kind }) => [who, kind]));
  const lifeOf = ({ name, life, address }: Row): string => {
    const fault = fatal.get(name);
    if (fault !== undefined) return t('life.byFault', { fault: shortName(fault) });
    // At the end of a run all have ended: what counts is how.
    return t(`life.${life === 'planned' && address !== undefined ? 'ended' : life}`);
  };
  const most = Math.max(1, ...rates.values());
  const number = (key: 'received' | 'sent', head: string): Column<Row> => ({
    ...{ key, head, value: (row) => row[key], cell: (row) => format.bytes(row[key]) },
  });
  return (
    <>
      {fairness && (
        <p>
          {t('fairness', { jain: format.number(fairness.jain), slowest: format.percent(fairness.slowestToMedian) })}
        </p>
      )}
      <DataTable<Row>
        caption={t('peers')}
        rows={rows}
        keyOf={({ name }) => name}
        columns={[
          {
            key: 'name',
            head: t('peer'),
            value: ({ name }) => name,
            cell: ({ name }) => <Name text={name} />,
            isHead: true,
          },
          {
            key: 'group',
            head: t('group'),
            value: ({ group }) => group,
            cell: ({ group = '' }) => <Name text={group} />,
          },
          {
            ...{ key: 'life', head: t('state'), value: lifeOf },
            cell: (row) => <span class="one-line">{lifeOf(row)}</span>,
          },
          { key: 'files', head: t('files'), value: ({ files }) => files.size },
          number('received', t('received')),
          number('sent', t('sent')),
          {
            key: 'rate',
            head: t('rate'),
            value: ({ rate }) => rate,
            cell: ({ rate }) => <Rate rate={rate} most={most} />,
          },
          { key: 'ok', head: t('ok'), value: ({ ok }) => ok },
          { key: 'failed', head: t('failed'), value: ({ failed }) => failed },
        ]}
      />
    </>
  );
}

/** It ended whom it was done to, who did not come back. */
function isFatal({ kind, until, overtakenBy }: Result['faults']['list'][number]): boolean {
  return until === undefined && overtakenBy === undefined && ['kill', 'stop', 'evict', 'drain'].includes(kind);
}

function Rate({ rate, most }: { rate: number | undefined; most: number }) {
  const { format } = useSettings();
  if (rate === undefined) return <>–</>;
  return (
    <span class="bar-cell">
      <span class="bar-track" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${((100 * rate) / most).toFixed(1)}%` }} />
      </span>
      <span>{format.rate(rate)}</span>
    </span>
  );
}
