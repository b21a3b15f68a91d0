import { useMemo } from 'preact/hooks';
import { lanesLeftOut } from '../charts/course-chart.tsx';
import { LatencyChart } from '../charts/latency-chart.tsx';
import { fold } from '../model/fold.ts';
import { EMPTY_SCENE, type Scene } from '../model/scene.ts';
import { Checks } from '../parts/checks.tsx';
import { Environment } from '../parts/environment.tsx';
import { Expectations } from '../parts/expectations.tsx';
import { AllOperations, Failures, Slowest } from '../parts/failures.tsx';
import { Faults, MAX_SHOWN_FAULTS } from '../parts/faults.tsx';
import { Foreign } from '../parts/foreign.tsx';
import { Groups } from '../parts/groups.tsx';
import { OperationFigures } from '../parts/operation-figures.tsx';
import { Page } from '../parts/page.tsx';
import { Peers } from '../parts/peers.tsx';
import { Section } from '../parts/section.tsx';
import { StepTable } from '../parts/step-table.tsx';
import { Swarm } from '../parts/swarm.tsx';
import { Tiles } from '../parts/tiles.tsx';
import { Transfers } from '../parts/transfers.tsx';
import { Verdict } from '../parts/verdict.tsx';
import { useSettings } from '../settings/settings.tsx';
import type { RunReport } from './data.ts';
import { Replay } from './replay.tsx';

/** The report of a run: what is judged comes from its result, what is drawn from its events. */
export function RunPage({ data }: { data: RunReport }) {
  const { t } = useSettings();
  const { result, events, units, excerpts, again } = data;
  const scene = useMemo(() => fold(EMPTY_SCENE, events), [events]);
  const { failedOperations = [] } = result;
  return (
    <Page title={result.scenario} links={linksOf(data)}>
      <Verdict result={result} />
      <Tiles result={result} />
      <Section id="expectations" title={t('expectations')}>
        <Expectations expectations={result.expectations} units={units} />
      </Section>
      <Section id="course" title={t('course')}>
        <Replay whole={scene} events={events} />
        <LanesLeftOut scene={scene} />
        <details>
          <summary>{t('steps.table')}</summary>
          <StepTable scene={scene} />
        </details>
      </Section>
      <Section id="checks" title={t('checks')}>
        <Checks checks={result.checks} />
      </Section>
      {failedOperations.length > 0 && (
        <Section id="failures" title={t('failures')}>
          <Failures failed={failedOperations} excerpts={excerpts} />
        </Section>
      )}
      {result.faults.count > 0 && (
        <Section id="faults" title={t('faults')}>
          <Faults faults={result.faults} />
        </Section>
      )}
      <Section id="operations" title={t('operations')}>
        <OperationFigures operations={result.operations} />
        <LatencyChart figures={result.operations} operations={scene.operations} />
        <h3>{t('slowest')}</h3>
        <Slowest scene={scene} excerpts={excerpts} />
        <details class="long">
          <summary>{t('operations.all')}</summary>
          <AllOperations scene={scene} />
        </details>
      </Section>
      <Section id="transfers" title={t('whoFromWhom')}>
        <Transfers scene={scene} />
      </Section>
      {result.swarm && (
        <Section id="swarm" title={t('swarm')}>
          <Swarm swarm={result.swarm} />
        </Section>
      )}
      <Section id="peers" title={t('peers')}>
        <Peers scene={scene} result={result} />
        <h3>{t('groups')}</h3>
        <Groups groups={result.groups} />
      </Section>
      <Section id="environment" title={t('environment')}>
        <Environment result={result} again={again} />
        <Remarks data={data} scene={scene} />
      </Section>
    </Page>
  );
}

function linksOf({ result }: RunReport) {
  return [
    ...(['expectations', 'course', 'checks'] as const),
    ...(result.failedOperations?.length ? (['failures'] as const) : []),
    ...(result.faults.count > 0 ? (['faults'] as const) : []),
    ...(['operations', 'transfers'] as const),
    ...(result.swarm ? (['swarm'] as const) : []),
    ...(['peers', 'environment'] as const),
  ];
}

function LanesLeftOut({ scene }: { scene: Scene }) {
  const { t } = useSettings();
  const { steps, faults } = lanesLeftOut(scene);
  return steps + faults === 0 ? null : <p class="note">{t('course.more', { steps, faults })}</p>;
}

/** What a reader must know of how the figures were made, and of what is not here. */
function Remarks({ data, scene }: { data: RunReport; scene: Scene }) {
  const { t, format } = useSettings();
  const { leftOut, result } = data;
  const moreFaults = result.faults.list.length - MAX_SHOWN_FAULTS;
  return (
    <>
      {leftOut.map(({ what, shown, all, file }) => (
        <p class="note" key={`${what} ${file}`}>
          {t(`leftOut.${what}`, { shown: format.number(shown), all: format.number(all), file })}
        </p>
      ))}
      {moreFaults > 0 && <p class="note">{t('leftOut.faults', { more: format.number(moreFaults) })}</p>}
      {result.leftovers.length > 0 && (
        <>
          <h3>{t('leftovers')}</h3>
          <ul>
            {result.leftovers.map((one) => (
              <li key={one}>
                <Foreign text={one} />
              </li>
            ))}
          </ul>
        </>
      )}
      {scene.remarks.length > 0 && (
        <details>
          <summary>{t('remarks')}</summary>
          <ul>
            {[...scene.remarks].map(({ text, code }, n) => (
              <li key={`${n} ${text}`}>
                <Foreign text={code === undefined ? text : `${text} [${code}]`} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
