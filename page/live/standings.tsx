import type { Scene } from '../model/scene.ts';
import { Foreign } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';

/** How expectations stand so far, by the figures of the lab. What is not kept yet may still be, so nothing is judged here. */
export function Standings({ scene }: { scene: Scene }) {
  const { t, format } = useSettings();
  if (scene.standings.size === 0) return <p class="note">{t('standing.unknown')}</p>;
  return (
    <>
      <p class="note">{t('standing.note')}</p>
      <ul class="standings">
        {[...scene.standings].map(([expression, { actual, unit, ok }]) => (
          <li key={expression}>
            <span class={ok ? 'mark pass' : 'mark inconclusive'}>
              <span aria-hidden="true" class="sign">
                {ok ? '✔' : '…'}
              </span>{' '}
              {t(ok ? 'standing.ok' : 'standing.open')}
            </span>
            <Foreign text={expression} isCode={true} />
            <span class="number">{format.in(unit, actual)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
