import { useMemo, useState } from 'preact/hooks';
import type { OperationEvent } from '../../lab/history/events.ts';
import type { Scene } from '../model/scene.ts';
import { Foreign, Name, Quoted } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';

/** What happened last, the latest first: operations, faults, lives that ended, remarks of the lab. */

const SHOWN = 40;
/** Among so many of the last operations, failures are looked for. */
const SEARCHED = 5000;

interface Happening {
  readonly at: number;
  readonly key: string;
  readonly isBad: boolean;
  readonly what:
    | { readonly operation: OperationEvent }
    | { readonly fault: string; readonly who: string; readonly isOver: boolean }
    | { readonly text: string };
}

export function Happenings({ scene }: { scene: Scene }) {
  const { t, format } = useSettings();
  const [onlyBad, setOnlyBad] = useState(false);
  const some = useMemo(() => happeningsOf(scene, onlyBad), [scene, onlyBad]);
  return (
    <>
      <label class="tools">
        <span>
          <input
            type="checkbox"
            checked={onlyBad}
            onChange={({ currentTarget }) => setOnlyBad(currentTarget.checked)}
          />{' '}
          {t('happening.onlyFailures')}
        </span>
      </label>
      {some.length === 0 && <p class="note">{t('happening.none')}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys */}
      <section class="scrolls happenings" tabIndex={0} aria-label={t('happenings')}>
        <ol>
          {some.map(({ key, at, isBad, what }) => (
            <li key={key} class={isBad ? 'bad' : ''}>
              <span class="note">{format.seconds(at)}</span> <What of={what} />
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}

function What({ of }: { of: Happening['what'] }) {
  const { t } = useSettings();
  if ('text' in of) return <Foreign text={of.text} />;
  if ('fault' in of)
    return (
      <span>
        <strong>{t(of.isOver ? 'happening.faultOver' : 'happening.fault')}</strong> <Name text={of.fault} />{' '}
        <Name text={of.who} />
      </span>
    );
  const { peer, operation, file, outcome, error } = of.operation;
  return (
    <span>
      <Name text={peer} />: <Name text={operation} />
      {file !== undefined && (
        <>
          {' '}
          <Quoted text={file} />
        </>
      )}
      {outcome === 'failed' && (
        <>
          {' '}
          <strong class="mark fail">{t('happening.failed')}</strong> <Foreign text={error?.code ?? ''} isCode={true} />{' '}
          <span class="note">
            <Foreign text={error?.message ?? ''} />
          </span>
        </>
      )}
    </span>
  );
}

function happeningsOf(scene: Scene, onlyBad: boolean): Happening[] {
  const operations = scene.operations
    .latest(onlyBad ? SEARCHED : SHOWN)
    .filter(({ outcome }) => !onlyBad || outcome === 'failed')
    .slice(0, SHOWN)
    .map((operation): Happening => {
      const isBad = operation.outcome === 'failed';
      return { at: operation.end, key: `operation ${operation.id}`, isBad, what: { operation } };
    });
  const faults = [...scene.faults]
    .slice(-SHOWN)
    .flatMap(([key, { kind, who, since, until }]): Happening[] => [
      { at: since, key: `begun ${key}`, isBad: true, what: { fault: kind, who, isOver: false } },
      ...(until === undefined
        ? []
        : [{ at: until, key: `over ${key}`, isBad: false, what: { fault: kind, who, isOver: true } }]),
    ]);
  const remarks = scene.remarks.latest(SHOWN).map(({ at, text, code }, n): Happening => {
    const shown = code === undefined ? text : `${text} [${code}]`;
    return { at, key: `remark ${scene.remarks.length - n}`, isBad: code !== undefined, what: { text: shown } };
  });
  return [...operations, ...faults, ...remarks]
    .filter(({ isBad, at }) => (isBad || !onlyBad) && at <= scene.now)
    .sort((a, b) => b.at - a.at)
    .slice(0, SHOWN);
}
