import { useEffect, useRef, useState } from 'preact/hooks';
import { levelsOf } from '../model/pieces.ts';
import type { Instance, Scene } from '../model/scene.ts';
import { type Fact, Facts } from '../parts/facts.tsx';
import { Foreign, Name } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';
import { movedOf } from './moved.ts';
import { conditionOf } from './network/condition.ts';
import { Holdings } from './network/holdings.ts';
import { WhatIsUnderWay } from './now-bar.tsx';
import { Strip } from './pieces.tsx';

/** All that is known of one peer, or of the directory. */

const MAX_FILES = 12;
const MAX_PARTNERS = 8;
const MAX_UNDER_WAY = 6;
const LOG_BYTES = 6000;
const LOG_AGAIN_MS = 2000;

export interface PeerPanelProps {
  /** Of a run whose results folder can be asked for more: the log. */
  readonly id?: string;
  readonly scene: Scene;
  readonly peer: Instance;
  readonly isGoingOn: boolean;
  readonly onClose: () => void;
}

export function PeerPanel({ id, scene, peer, isGoingOn, onClose }: PeerPanelProps) {
  const { t, format } = useSettings();
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus({ preventScroll: true }), [peer.name]);
  const condition = conditionOf(peer, scene.stage);
  const moved = movedOf(peer, scene);
  const part = new Holdings(scene).partOf(peer);
  const underWay = [...scene.underWay.values()].filter((one) => one.peer === peer.name || one.to === peer.name);
  const facts: Fact[] = [
    [t('group'), peer.group],
    [t('peer.address'), peer.address],
    [t('peer.program'), peer.program],
    [t('received'), format.bytes(moved.received)],
    [t('sent'), format.bytes(moved.sent)],
    [t('ok'), format.number(peer.ok)],
    [t('failed'), format.number(peer.failed)],
  ];
  return (
    <section class="panel" aria-labelledby="panel-title">
      <div class="panel-head">
        <h3 id="panel-title" ref={title} tabIndex={-1}>
          <Name text={peer.name} />
        </h3>
        <button type="button" onClick={onClose}>
          {t('peer.close')}
        </button>
      </div>
      <p class={condition === 'in' || condition === 'over' ? '' : 'mark fail'}>{t(`condition.${condition}`)}</p>
      {[...peer.faults].map(([kind, since]) => (
        <p key={kind}>
          {t('happening.fault')}: <Name text={kind} />, {t('fault.from')} {format.seconds(since)}
        </p>
      ))}
      {peer.how !== undefined && (
        <p class="note">
          <Foreign text={peer.how} />
        </p>
      )}
      <Facts facts={facts} />
      <h4>{t('peer.share')}</h4>
      <p class="bar-cell">
        <progress max={1} value={part} aria-label={t('has')} />
        <span class="note">{t('peer.part', { part: format.percent(part) })}</span>
      </p>
      <Files files={peer.files} pieces={peer.pieces} />
      {underWay.length > 0 && (
        <>
          <h4>{t('peer.underWay')}</h4>
          <ul>
            {underWay.slice(0, MAX_UNDER_WAY).map((one) => (
              <li key={one.id}>
                <WhatIsUnderWay of={one} />{' '}
                <span class="note">{format.seconds(Math.max(0, scene.now - one.since))}</span>
              </li>
            ))}
            <More all={underWay.length} shown={MAX_UNDER_WAY} />
          </ul>
        </>
      )}
      <Partners scene={scene} peer={peer} />
      <details>
        <summary>{t('peer.metrics')}</summary>
        <Metrics values={peer.values} />
      </details>
      {id !== undefined && <LogTail id={id} instance={peer.host ?? peer.name} isGoingOn={isGoingOn} />}
    </section>
  );
}

function More({ all, shown }: { all: number; shown: number }) {
  const { t, format } = useSettings();
  return all > shown ? <li class="note">{t('peer.more', { more: format.number(all - shown) })}</li> : null;
}

function Files({ files, pieces }: Pick<Instance, 'files' | 'pieces'>) {
  const { t, format } = useSettings();
  return (
    <ul class="files">
      {[...pieces].slice(0, MAX_FILES).map(([name, { size, pieces: all, there, map }]) => (
        <li key={name}>
          <Name text={name} />{' '}
          <span class="note">
            {format.bytes(size)}, {t('pieces.there', { there: format.number(there), pieces: format.number(all) })}
          </span>
          <Strip levels={levelsOf(map)} />
        </li>
      ))}
      <More all={pieces.size} shown={MAX_FILES} />
      {[...files].slice(0, MAX_FILES).map(([name, size]) => (
        <li key={name}>
          <Name text={name} /> <span class="note">{format.bytes(size)}</span>
        </li>
      ))}
      <More all={files.size} shown={MAX_FILES} />
    </ul>
  );
}

function Partners({ scene, peer }: { scene: Scene; peer: Instance }) {
  const { t, format } = useSettings();
  const links = [...scene.links.values()]
    .filter(({ from, to }) => from === peer.name || to === peer.name)
    .sort((a, b) => b.bytes - a.bytes);
  if (links.length === 0) return null;
  return (
    <>
      <h4>{t('peer.partners')}</h4>
      <ul>
        {links.slice(0, MAX_PARTNERS).map(({ from, to, bytes }) => (
          <li key={`${from} ${to}`}>
            {from === peer.name ? '→ ' : '← '}
            <Name text={from === peer.name ? to : from} /> <span class="note">{format.bytes(bytes)}</span>
          </li>
        ))}
        <More all={links.length} shown={MAX_PARTNERS} />
      </ul>
    </>
  );
}

function Metrics({ values }: Pick<Instance, 'values'>) {
  const { format } = useSettings();
  return (
    <dl class="facts wide metrics">
      {Object.entries(values)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => (
          <div key={name}>
            <dt>
              <Foreign text={name} isCode={true} />
            </dt>
            <dd>{value === null ? '?' : format.number(value)}</dd>
          </div>
        ))}
    </dl>
  );
}

/** The last lines of its log, as far as they are collected; of now, whatever moment is shown. */
function LogTail({ id, instance, isGoingOn }: { id: string; instance: string; isGoingOn: boolean }) {
  const { t } = useSettings();
  const [lines, setLines] = useState<readonly string[] | undefined>();
  useEffect(() => {
    let isCurrent = true;
    const look = async () => {
      const file = `logs/${encodeURIComponent(`${instance}.log`)}`;
      const text = await fetch(`/results/${encodeURIComponent(id)}/${file}?tail=${LOG_BYTES}`)
        .then((answer) => (answer.ok ? answer.text() : ''))
        .catch(() => '');
      // The first line may be half of one.
      const all = text.split('\n').filter(Boolean);
      if (isCurrent) setLines(text.length < LOG_BYTES / 2 ? all : all.slice(1));
    };
    setLines(undefined);
    void look();
    const timer = isGoingOn ? setInterval(() => void look(), LOG_AGAIN_MS) : undefined;
    return () => {
      isCurrent = false;
      clearInterval(timer);
    };
  }, [id, instance, isGoingOn]);
  return (
    <details open={true}>
      <summary>{t('peer.log')}</summary>
      {lines?.length === 0 && <p class="note">{t('peer.noLog')}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section class="scrolls log" tabIndex={0} aria-label={t('peer.log')}>
        {lines?.map((line, n) => (
          <div key={`${n} ${line.slice(0, 60)}`}>
            <Foreign text={line} isCode={true} />
          </div>
        ))}
      </section>
    </details>
  );
}
