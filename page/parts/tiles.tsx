import type { ComponentChildren } from 'preact';
import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';

/** The figures that people ask for first, as the result has them. */
export function Tiles({ result }: { result: Result }) {
  const { t, format } = useSettings();
  const { transfers, integrity, fairness, faults, directory } = result;
  const together = transfers.throughputBytesPerSecond?.aggregate;
  return (
    <ul class="tiles">
      <Tile name={t('transfers')} value={format.number(transfers.ok)}>
        {t('tile.failed', { count: format.number(transfers.failed) })}
      </Tile>
      <Tile name={t('moved')} value={format.bytes(transfers.bytes)} />
      {together !== undefined && <Tile name={t('tile.together')} value={format.rate(together)} />}
      <Tile name={t('tile.verified')} value={format.number(integrity.verified)}>
        {t('tile.wrong', { count: format.number(integrity.mismatched) })}
      </Tile>
      {fairness && (
        <Tile name={t('tile.fairness')} value={format.number(fairness.jain)}>
          {t('jain')}
        </Tile>
      )}
      {faults.count > 0 && <Tile name={t('faults')} value={format.number(faults.count)} />}
      {directory.precision !== undefined && directory.recall !== undefined && (
        <Tile name={t('tile.directory')} value={format.percent(directory.precision)}>
          {t('tile.recall', { recall: format.percent(directory.recall) })}
        </Tile>
      )}
    </ul>
  );
}

function Tile({ name, value, children }: { name: string; value: string; children?: ComponentChildren }) {
  return (
    <li>
      <span class="tile-name">{name}</span>
      <strong>{value}</strong>
      {children !== undefined && <span class="note">{children}</span>}
    </li>
  );
}
