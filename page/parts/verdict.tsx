import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import { Foreign } from './foreign.tsx';
import { Mark } from './mark.tsx';

/** The question, the answer, and why in one sentence. */
export function Verdict({ result }: { result: Result }) {
  const { t, format } = useSettings();
  const { verdict, reason, look, likelyRules, description, knownFailure, driver, seed, peers } = result;
  const facts = { driver, seed, peers: format.number(peers) };
  const times = { setUp: format.seconds(result.setupSeconds), ran: format.seconds(result.durationSeconds) };
  return (
    <section class={`verdict ${verdict}`} aria-label={t('verdict')}>
      <p class="question">
        <Foreign text={description} />
      </p>
      <p class="answer">
        <Mark outcome={verdict} /> <Foreign text={reason} />
      </p>
      {likelyRules !== undefined && (
        <p>
          {t('verdict.rules')} <Foreign text={likelyRules} isCode={true} />
        </p>
      )}
      {look !== undefined && (
        <p>
          {t('look')} <Foreign text={look} isCode={true} />
        </p>
      )}
      {knownFailure !== undefined && (
        <p>
          {t('knownFailure')} <Foreign text={knownFailure} />
        </p>
      )}
      <p class="note">
        {format.moment(result.startedAt)} · {t('facts', facts)} · {t('times', times)}
      </p>
    </section>
  );
}
