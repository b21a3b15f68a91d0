import { useMemo } from 'preact/hooks';
import { type Instance, peersOf, type Scene } from '../model/scene.ts';
import { DataTable } from '../parts/data-table.tsx';
import { useSettings } from '../settings/settings.tsx';
import { movedOf } from './moved.ts';
import { type Condition, conditionOf, SIGNS } from './network/condition.ts';
import { rateOf } from './network/flows.ts';
import { Holdings } from './network/holdings.ts';
import { PeerLink } from './peer-link.tsx';

/** Every peer in words: the same as the drawing, for keys, for screen readers, and for those who search. */

interface Row {
  readonly peer: Instance;
  readonly condition: Condition;
  readonly part: number;
  readonly rate: number;
  readonly moved: ReturnType<typeof movedOf>;
}

export interface PeerTableProps {
  readonly scene: Scene;
  readonly picked: string | undefined;
  readonly onPick: (name: string) => void;
}

export function PeerTable({ scene, picked, onPick }: PeerTableProps) {
  const { t, format } = useSettings();
  const rows = useMemo(() => {
    const holdings = new Holdings(scene);
    return peersOf(scene).map(
      (peer): Row => ({
        ...{ peer, condition: conditionOf(peer, scene.stage) },
        ...{ part: holdings.partOf(peer), rate: rateOf(peer, scene), moved: movedOf(peer, scene) },
      }),
    );
  }, [scene]);
  return (
    <DataTable<Row>
      caption={t('peers')}
      rows={rows}
      keyOf={({ peer }) => peer.name}
      columns={[
        {
          ...{ key: 'name', head: t('peer'), value: ({ peer }) => peer.name, isHead: true },
          cell: ({ peer }) => <PeerLink name={peer.name} picked={picked} onPick={onPick} />,
        },
        { key: 'group', head: t('group'), value: ({ peer }) => peer.group },
        {
          ...{ key: 'condition', head: t('condition'), value: ({ condition }) => t(`condition.${condition}`) },
          cell: ({ condition }) => (
            <span class={SIGNS[condition] ? 'mark fail' : ''}>
              {SIGNS[condition] && <span aria-hidden="true">{SIGNS[condition]} </span>}
              {t(`condition.${condition}`)}
            </span>
          ),
        },
        { key: 'part', head: t('has'), value: ({ part }) => part, cell: ({ part }) => format.percent(part) },
        {
          ...{ key: 'rate', head: t('arrives.rate'), value: ({ rate }) => rate },
          cell: ({ rate }) => format.rate(rate),
        },
        {
          ...{ key: 'received', head: t('received'), value: ({ moved }) => moved.received },
          cell: ({ moved }) => format.bytes(moved.received),
        },
        {
          ...{ key: 'sent', head: t('sent'), value: ({ moved }) => moved.sent },
          cell: ({ moved }) => format.bytes(moved.sent),
        },
        { key: 'ok', head: t('ok'), value: ({ peer }) => peer.ok },
        { key: 'failed', head: t('failed'), value: ({ peer }) => peer.failed },
      ]}
    />
  );
}
