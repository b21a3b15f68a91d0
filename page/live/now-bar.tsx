import type { ComponentChildren } from 'preact';
import type { Scene, UnderWay } from '../model/scene.ts';
import { Name, Quoted } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';
import { tellersOf } from './network/flows.ts';
import { rateOfAll } from './network/network.tsx';

/** What the run does at this moment, and what keeps it. */
export function NowBar({ scene }: { scene: Scene }) {
  const { t, format } = useSettings();
  const tallies = [...scene.verbs.values()];
  const [ok, failed] = [
    tallies.reduce((sum, one) => sum + one.ok, 0),
    tallies.reduce((sum, one) => sum + one.failed, 0),
  ];
  const { told, receivers } = tellersOf(scene);
  return (
    <ul class="tiles now-bar">
      <Tile name={t('now')} isWide={true}>
        <Doing scene={scene} />
      </Tile>
      <Tile name={t('now.rate')}>
        <strong>{format.rate(rateOfAll(scene))}</strong>
        {told < receivers && (
          <span class="note">
            {t('now.rate.told', { told: format.number(told), receivers: format.number(receivers) })}
          </span>
        )}
      </Tile>
      <Tile name={t('now.underWay')}>
        <strong>{format.number(scene.underWay.size)}</strong>
      </Tile>
      <Tile name={t('now.done')}>
        <strong>{format.number(ok + failed)}</strong>
        <span class={failed > 0 ? 'mark fail' : 'note'}>{t('tile.failed', { count: format.number(failed) })}</span>
      </Tile>
      <Tile name={t('now.oldest')} isWide={true}>
        <OldestWait scene={scene} />
      </Tile>
    </ul>
  );
}

function Tile({ name, isWide = false, children }: { name: string; isWide?: boolean; children: ComponentChildren }) {
  return (
    <li class={isWide ? 'wide' : ''}>
      <span class="tile-name">{name}</span>
      {children}
    </li>
  );
}

function Doing({ scene }: { scene: Scene }) {
  const { t } = useSettings();
  const { stage, phase, steps } = scene;
  if (stage === 'over') return <span>{t('now.over')}</span>;
  if (phase) return <Progress what={phase.what} done={phase.done} total={phase.total} />;
  // The innermost one: the others wait for it.
  const step = [...steps.values()].findLast(({ began, ended }) => began !== undefined && ended === undefined);
  if (!step) return <span>{stage === 'empty' ? t('now.waiting') : t('now.setUp')}</span>;
  const { id, label, ok, failed, total } = step;
  return <Progress what={`${t('step')} ${id}: ${label}`} done={ok + failed} total={total} />;
}

function Progress({ what, done, total }: { what: string; done: number; total: number }) {
  const { t, format } = useSettings();
  return (
    <>
      <span class="doing">
        <Name text={what} />
      </span>
      {total > 0 && (
        <span class="bar-cell">
          <progress max={total} value={Math.min(done, total)} aria-label={what} />
          <span class="note">{t('now.progress', { done: format.number(done), total: format.number(total) })}</span>
        </span>
      )}
    </>
  );
}

function OldestWait({ scene }: { scene: Scene }) {
  const { t, format } = useSettings();
  const [oldest] = scene.underWay.values();
  if (!oldest) return <span class="note">{t('now.nothing')}</span>;
  return (
    <>
      <span class="doing">
        <WhatIsUnderWay of={oldest} />
      </span>
      <span class="note">
        {t('now.since', {
          seconds: format.seconds(Math.max(0, scene.now - oldest.since)),
          deadline: format.seconds(oldest.deadlineSeconds),
        })}
      </span>
    </>
  );
}

export function WhatIsUnderWay({ of: { peer, operation, file, to } }: { of: UnderWay }) {
  return (
    <>
      <Name text={peer} />: <Name text={operation} />
      {file !== undefined && (
        <>
          {' '}
          <Quoted text={file} />
        </>
      )}
      {to !== undefined && (
        <>
          {' → '}
          <Name text={to} />
        </>
      )}
    </>
  );
}
