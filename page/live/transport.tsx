import { useSettings } from '../settings/settings.tsx';
import { type Player, SPEEDS } from './player.ts';

/** Through the time of a run: pause, play, drag, and back to now. */

const STEPS = 1000;

export function Transport({ player, isGoingOn }: { player: Player; isGoingOn: boolean }) {
  const { t, format } = useSettings();
  const { at, end, from, isPlaying, speed } = player;
  const isNow = at === undefined;
  const moves = isPlaying || (isNow && isGoingOn);
  const shown = at ?? end;
  return (
    <div class="transport">
      <button type="button" class="primary" onClick={moves ? player.pause : player.play}>
        <span aria-hidden="true">{moves ? '❚❚' : '▶'}</span> {t(moves ? 'time.pause' : 'time.play')}
      </button>
      <label class="slider">
        <span class="hidden">{t('time')}</span>
        <input
          type="range"
          min={from}
          max={Math.max(end, from + 0.001)}
          step={Math.max(0.001, (end - from) / STEPS)}
          value={shown}
          aria-valuetext={t('time.value', { at: format.seconds(shown), end: format.seconds(end) })}
          onInput={({ currentTarget }) => player.seek(Number(currentTarget.value))}
        />
      </label>
      <output class="clock">{t('time.value', { at: format.seconds(shown), end: format.seconds(end) })}</output>
      <label>
        <span class="hidden">{t('time.speed')}</span>
        <select value={speed} onChange={({ currentTarget }) => player.setSpeed(Number(currentTarget.value))}>
          {SPEEDS.map((one) => (
            <option key={one} value={one}>
              {format.number(one)} ×
            </option>
          ))}
        </select>
      </label>
      <button type="button" disabled={isNow} onClick={player.follow}>
        {t(isGoingOn ? 'time.now' : 'time.end')}
      </button>
      {!isNow && isGoingOn && (
        <span class="past" role="status">
          {t('time.past')}
        </span>
      )}
    </div>
  );
}
