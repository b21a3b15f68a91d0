import { useSettings } from '../settings/settings.tsx';
import type { TextKey } from '../settings/texts.ts';

/** How something came out. Colour, sign and word say the same: none of them is needed to understand the others. */

/** `none`: nobody wanted it to come out. */
export type Outcome = 'pass' | 'fail' | 'inconclusive' | 'none';

const SIGNS: Readonly<Record<Outcome, string>> = { pass: '✔', fail: '✘', inconclusive: '?', none: '–' };

export function Mark({ outcome, word }: { outcome: Outcome; word?: TextKey }) {
  const { t } = useSettings();
  return (
    <span class={`mark ${outcome}`}>
      <span aria-hidden="true" class="sign">
        {SIGNS[outcome]}
      </span>{' '}
      {t(word ?? `outcome.${outcome}`)}
    </span>
  );
}

export function outcomeOf(ok: boolean | null): Exclude<Outcome, 'none'> {
  return ok === null ? 'inconclusive' : ok ? 'pass' : 'fail';
}
