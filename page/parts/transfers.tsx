import { useState } from 'preact/hooks';
import { type Cell, MatrixChart } from '../charts/matrix-chart.tsx';
import { linkKey, peersOf, type Scene } from '../model/scene.ts';
import { useSettings } from '../settings/settings.tsx';
import { DataTable } from './data-table.tsx';
import { Name } from './foreign.tsx';

/** Who fetched from whom: by peer where they can be told apart, otherwise by group until somebody asks. */

const MAX_PEERS_IN_MATRIX = 200;
/** From that many on, groups may tell more. */
const MANY_PEERS = 30;

interface Row extends Cell {
  readonly transfers: number;
}

export function Transfers({ scene }: { scene: Scene }) {
  const { t } = useSettings();
  const groupOf = new Map(peersOf(scene).map(({ name, group }) => [name, group ?? name]));
  const [byGroup, setByGroup] = useState(groupOf.size > MAX_PEERS_IN_MATRIX);
  if (scene.links.size === 0) return <p class="note">{t('transfers.none')}</p>;
  const links = [...scene.links.values()];
  const rows = byGroup ? summed(links, groupOf) : links;
  const order = [...new Set(byGroup ? groupOf.values() : groupOf.keys())];
  const involved = (way: 'from' | 'to') => inOrder(order, new Set(rows.map((row) => row[way])));
  return (
    <>
      {groupOf.size >= MANY_PEERS && (
        <p>
          <button type="button" aria-pressed={byGroup} onClick={() => setByGroup(!byGroup)}>
            {t(byGroup ? 'matrix.byPeer' : 'matrix.byGroup')}
          </button>
        </p>
      )}
      <MatrixChart senders={involved('from')} receivers={involved('to')} cells={rows} />
      <details>
        <summary>{t('table.show')}</summary>
        <LinkTable rows={rows} />
      </details>
    </>
  );
}

function LinkTable({ rows }: { rows: readonly Row[] }) {
  const { t, format } = useSettings();
  return (
    <DataTable
      caption={t('transfers')}
      rows={rows}
      keyOf={({ from, to }) => linkKey(from, to)}
      sortedBy={{ key: 'bytes', down: true }}
      columns={[
        {
          key: 'from',
          head: t('from'),
          value: ({ from }) => from,
          cell: ({ from }) => <Name text={from} />,
          isHead: true,
        },
        { key: 'to', head: t('to'), value: ({ to }) => to, cell: ({ to }) => <Name text={to} /> },
        { key: 'bytes', head: t('moved'), value: ({ bytes }) => bytes, cell: ({ bytes }) => format.bytes(bytes) },
        { key: 'transfers', head: t('transfers'), value: ({ transfers }) => transfers },
      ]}
    />
  );
}

function summed(links: readonly Row[], groupOf: ReadonlyMap<string, string>): Row[] {
  const sums = new Map<string, Row>();
  for (const { from, to, bytes, transfers } of links) {
    const [sender, receiver] = [groupOf.get(from) ?? from, groupOf.get(to) ?? to];
    const key = linkKey(sender, receiver);
    const known = sums.get(key) ?? { bytes: 0, transfers: 0 };
    const sum = { bytes: known.bytes + bytes, transfers: known.transfers + transfers };
    sums.set(key, { from: sender, to: receiver, ...sum });
  }
  return [...sums.values()];
}

/** Those that nobody planned, such as an address that is no peer's, come last. */
function inOrder(order: readonly string[], names: ReadonlySet<string>): string[] {
  const known = order.filter((name) => names.has(name));
  return [...known, ...[...names].filter((name) => !known.includes(name))];
}
