import type { Scene, Step } from '../model/scene.ts';
import { Label } from '../parts/foreign.tsx';
import { useSettings } from '../settings/settings.tsx';

/** The steps in order, and where the run is. */

const MAX_STEPS = 60;
const SIGNS = { toCome: '○', now: '▶', done: '✔', broken: '✘' } as const;

export function Steps({ scene }: { scene: Scene }) {
  const { t, format } = useSettings();
  // A branch has a place of its own, and is no step.
  const steps = [...scene.steps.values()].filter(({ id, label, began }) => label !== id || began !== undefined);
  const isOver = scene.stage === 'over' || scene.stage === 'closing';
  const first = Math.max(
    0,
    Math.min(steps.length - MAX_STEPS, steps.findIndex((step) => stateOf(step, isOver) === 'now') - 5),
  );
  return (
    <ol class="steps">
      {steps.slice(first, first + MAX_STEPS).map((step) => {
        const state = stateOf(step, isOver);
        const { id, label, began, ended, ok, failed } = step;
        return (
          <li
            key={id}
            class={state}
            aria-current={state === 'now' ? 'step' : undefined}
            data-depth={id.split('.').length}
          >
            <span class="sign" aria-hidden="true">
              {SIGNS[state]}
            </span>
            <span class="step-name">
              <span class="note">{id}</span> <Label text={label} />
              <span class="hidden"> {t(`step.${state}`)}</span>
            </span>
            <span class="note">
              {ok + failed > 0 && `${format.number(ok)} ${t('ok')}`}
              {failed > 0 && <span class="mark fail">{`, ${t('tile.failed', { count: format.number(failed) })}`}</span>}
              {ok + failed > 0 && ' · '}
              {began !== undefined && format.seconds((ended ?? scene.now) - began)}
            </span>
          </li>
        );
      })}
      {steps.length > first + MAX_STEPS && (
        <li class="note">{t('peer.more', { more: format.number(steps.length - first - MAX_STEPS) })}</li>
      )}
    </ol>
  );
}

function stateOf({ began, ended, taken }: Step, isOver: boolean): keyof typeof SIGNS {
  if (began === undefined) return 'toCome';
  if (ended === undefined) return isOver ? 'broken' : 'now';
  return taken ? 'done' : 'broken';
}
