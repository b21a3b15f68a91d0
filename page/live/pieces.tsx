import { useMemo, useState } from 'preact/hooks';
import { type Levels, type PieceRow, piecesOf, rarestOf, runsOf, together } from '../model/pieces.ts';
import type { Scene } from '../model/scene.ts';
import { Name, shortName } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';
import { conditionOf, SIGNS } from './network/condition.ts';
import { PeerLink } from './peer-link.tsx';

/** Who has which pieces of the files that are fetched in pieces: a strip for each peer, and one for all of them together. */

/** So many files stand beside each other; of more, one is chosen. */
const MAX_BESIDE = 2;
/** More peers than that are told as groups. */
const MAX_PEER_ROWS = 40;
/** With so few places, each is seen by itself. */
const MAX_APART = 64;
const GAP = 0.12;
/** Of the width of a strip: with few places, a gap is no wider than that. */
const MAX_GAP = 0.003;
/** What few have must be seen. */
const MIN_SHADE = 0.18;

export interface PiecesProps {
  readonly scene: Scene;
  readonly picked: string | undefined;
  readonly onPick: (name: string) => void;
}

export function Pieces({ scene, picked, onPick }: PiecesProps) {
  const { t } = useSettings();
  const files = useMemo(() => bySize(scene), [scene.contents]);
  const [wanted, setWanted] = useState<string | undefined>();
  const chosen = wanted !== undefined && scene.contents.has(wanted) ? wanted : files[0];
  const shown = files.length <= MAX_BESIDE ? files : files.filter((file) => file === chosen);
  return (
    <>
      <p class="note">{t('pieces.key')}</p>
      {files.length > MAX_BESIDE && (
        <p class="tools">
          <label>
            {t('pieces.file', { count: files.length })}{' '}
            <select value={chosen} onChange={({ currentTarget }) => setWanted(currentTarget.value)}>
              {files.map((file) => (
                <option key={file} value={file}>
                  {shortName(file)}
                </option>
              ))}
            </select>
          </label>
        </p>
      )}
      <div class={shown.length > 1 ? 'columns' : ''}>
        {shown.map((file) => (
          <OfFile key={file} {...{ scene, file, picked, onPick }} />
        ))}
      </div>
    </>
  );
}

/** The largest first. */
function bySize({ contents }: Scene): string[] {
  return [...contents].sort(([, a], [, b]) => b.size - a.size).map(([file]) => file);
}

function OfFile({ scene, file, picked, onPick }: PiecesProps & { file: string }) {
  const { t, format } = useSettings();
  const { rows, pieces, size } = useMemo(() => piecesOf(scene, file), [scene, file]);
  const living = rows.filter(({ peer }) => conditionOf(peer, scene.stage) !== 'dead');
  const all = { count: format.number(living.length), rarest: format.number(rarestOf(living)) };
  return (
    <div class="scrolls pieces">
      <table>
        <caption>
          <Name text={file} />{' '}
          <span class="note">
            {t('pieces.facts', { size: format.bytes(size), pieces: format.number(pieces) })}; {t('pieces.rarest', all)}
          </span>
        </caption>
        <tbody>
          <tr class="all">
            <th scope="row">{t('pieces.all')}</th>
            <td>
              <Strip levels={together(living)} />
            </td>
            <td>{format.percent(meanOf(living))}</td>
          </tr>
          {rows.length <= MAX_PEER_ROWS
            ? rows.map((row) => <OfPeer key={row.peer.name} {...{ scene, row, pieces, picked, onPick }} />)
            : [...Map.groupBy(rows, ({ peer }) => peer.group ?? '')].map(([group, some]) => (
                <OfGroup key={group} group={group} rows={some} />
              ))}
        </tbody>
      </table>
    </div>
  );
}

interface OfPeerProps extends PiecesProps {
  readonly row: PieceRow;
  readonly pieces: number;
}

function OfPeer({ scene, row: { peer, levels, part }, pieces, picked, onPick }: OfPeerProps) {
  const { t, format } = useSettings();
  const condition = conditionOf(peer, scene.stage);
  const sign = SIGNS[condition];
  const there = format.number(Math.round(part * pieces));
  return (
    <tr class={condition === 'dead' ? 'dead' : ''}>
      <th scope="row">
        <PeerLink name={peer.name} picked={picked} onPick={onPick} />
        {sign && (
          <span class="mark fail" title={t(`condition.${condition}`)}>
            {' '}
            <span aria-hidden="true">{sign}</span>
            <span class="hidden">{t(`condition.${condition}`)}</span>
          </span>
        )}
      </th>
      <td>
        <Strip levels={levels} />
      </td>
      <td>{t('pieces.there', { there, pieces: format.number(pieces) })}</td>
    </tr>
  );
}

function OfGroup({ group, rows }: { group: string; rows: readonly PieceRow[] }) {
  const { t, format } = useSettings();
  return (
    <tr>
      <th scope="row">
        <Name text={group} />
      </th>
      <td>
        <Strip levels={together(rows)} />
      </td>
      <td>{t('pieces.group', { count: format.number(rows.length), part: format.percent(meanOf(rows)) })}</td>
    </tr>
  );
}

/** How much of the file they have on average, from 0 to 1. */
function meanOf(rows: readonly PieceRow[]): number {
  return rows.reduce((sum, { part }) => sum + part, 0) / Math.max(1, rows.length);
}

/** The words beside it say how much it is. */
export function Strip({ levels }: { levels: Levels }) {
  const gap = levels.length <= MAX_APART ? Math.min(GAP, levels.length * MAX_GAP) : 0;
  return (
    <svg class="strip" aria-hidden="true" viewBox={`0 0 ${Math.max(1, levels.length)} 1`} preserveAspectRatio="none">
      {runsOf(levels).map(({ at, length, level }) => (
        <path
          key={at}
          fill-opacity={(MIN_SHADE + (1 - MIN_SHADE) * level).toFixed(2)}
          d={gap === 0 ? block(at, length) : Array.from({ length }, (_, n) => block(at + n, 1 - gap)).join('')}
        />
      ))}
    </svg>
  );
}

function block(at: number, length: number): string {
  return `M${at} 0h${length}v1h${-length}z`;
}
