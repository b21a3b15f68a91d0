import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import { type Fact, Facts } from './facts.tsx';
import { Foreign, Name } from './foreign.tsx';
import { Mark } from './mark.tsx';

type Fault = Result['faults']['list'][number];

/** More of them than a page can show are in faults.ndjson. */
export const MAX_SHOWN_FAULTS = 200;

/** Of more faults, the proofs are there when they are asked for. */
const FEW_FAULTS = 5;

/** What was done to instances, and how it was proved: what the lab saw before, during and after. */
export function Faults({ faults }: Pick<Result, 'faults'>) {
  const { t, format } = useSettings();
  const { list, recoverySeconds: recovery } = faults;
  return (
    <>
      {recovery && (
        <p>{t('faults.recovery', { p50: format.seconds(recovery.p50), max: format.seconds(recovery.max) })}</p>
      )}
      {list.slice(0, MAX_SHOWN_FAULTS).map((fault, n) => (
        <FaultCard key={`${fault.kind} ${fault.who} ${n}`} fault={fault} isOpen={list.length <= FEW_FAULTS} />
      ))}
    </>
  );
}

function FaultCard({ fault, isOpen }: { fault: Fault; isOpen: boolean }) {
  const { t, format } = useSettings();
  const { kind, who, step, from, inForce, until, requested, achieved, requestedSeconds, achievedSeconds } = fault;
  const { recoverySeconds, overtakenBy, proofs } = fault;
  const isProved = proofs.every(({ ok }) => ok);
  const facts: Fact[] = [
    [t('fault.step'), step],
    [t('fault.from'), format.seconds(inForce ?? from)],
    [t('fault.until'), until === undefined ? t('fault.toTheEnd') : format.seconds(until)],
    [t('fault.requested'), textOf(requested)],
    [t('fault.achieved'), textOf(achieved)],
    [t('fault.duration'), durationText(format.seconds.bind(format), achievedSeconds, requestedSeconds)],
    [t('fault.recovery'), recoverySeconds === undefined ? undefined : format.seconds(recoverySeconds)],
    [t('fault.overtaken'), overtakenBy],
  ];
  return (
    <article class="card">
      <h3>
        <Name text={kind} /> <Name text={who} />
      </h3>
      <Facts facts={facts} />
      {proofs.length > 0 && (
        <details open={isOpen}>
          <summary>
            {t('fault.proofs')}:{' '}
            <Mark outcome={isProved ? 'pass' : 'fail'} word={isProved ? 'fault.proved' : 'fault.notProved'} />
          </summary>
          <Proofs proofs={proofs} />
        </details>
      )}
    </article>
  );
}

function Proofs({ proofs }: Pick<Fault, 'proofs'>) {
  const { t, format } = useSettings();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section class="scrolls stacked" tabIndex={0} aria-label={t('fault.proofs')}>
      <table>
        <caption class="hidden">{t('fault.proofs')}</caption>
        <thead>
          <tr>
            {(['fault.when', 'fault.time', 'fault.wanted', 'fault.seen', 'verdict'] as const).map((key) => (
              <th key={key} scope="col" class={key === 'fault.time' ? 'number' : ''}>
                {t(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {proofs.map(({ when, at, wanted, seen, ok }, n) => (
            <tr key={`${when} ${n}`}>
              <th scope="row">{t(`fault.${when}`)}</th>
              <td class="number" data-head={t('fault.time')}>
                {format.seconds(at)}
              </td>
              <td data-head={t('fault.wanted')}>
                <Foreign text={wanted} />
              </td>
              <td data-head={t('fault.seen')}>
                <Foreign text={seen} />
              </td>
              <td data-head={t('verdict')}>
                <Mark outcome={ok ? 'pass' : 'fail'} word={ok ? 'fault.proved' : 'fault.notProved'} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function textOf(values: Readonly<Record<string, string | number>> | undefined): string | undefined {
  if (values === undefined) return undefined;
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function durationText(
  seconds: (value: number) => string,
  achieved: number | undefined,
  requested: number | undefined,
): string | undefined {
  if (achieved === undefined) return undefined;
  return requested === undefined ? seconds(achieved) : `${seconds(achieved)} / ${seconds(requested)}`;
}
