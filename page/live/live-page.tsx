import { useEffect, useMemo, useState } from 'preact/hooks';
import { CourseChart } from '../charts/course-chart.tsx';
import type { Scene } from '../model/scene.ts';
import { Checks } from '../parts/checks.tsx';
import { Expectations } from '../parts/expectations.tsx';
import { Foreign, Name } from '../parts/foreign.tsx';
import { Section } from '../parts/section.tsx';
import { Verdict } from '../parts/verdict.tsx';
import { useSettings } from '../settings/settings.tsx';
import { Switches } from '../settings/switches.tsx';
import { Feed, type FeedState } from './feed.ts';
import { Happenings } from './happenings.tsx';
import { Network } from './network/network.tsx';
import { NowBar } from './now-bar.tsx';
import { PeerPanel } from './peer-panel.tsx';
import { PeerTable } from './peer-table.tsx';
import { Pieces } from './pieces.tsx';
import { usePlayer } from './player.ts';
import { Standings } from './standings.tsx';
import { Steps } from './steps.tsx';
import { Transport } from './transport.tsx';

/** One run, while it goes on and after it. */
export function LivePage({ id }: { id: string }) {
  const [feed, setFeed] = useState<FeedState | undefined>();
  useEffect(() => {
    const source = new Feed(`/runs/${encodeURIComponent(id)}/events`, setFeed);
    return () => source.close();
  }, [id]);
  return feed ? <Run id={id} feed={feed} /> : null;
}

function Run({ id, feed }: { id: string; feed: FeedState }) {
  const { t } = useSettings();
  const player = usePlayer(feed);
  const { scene } = player;
  const [picked, setPicked] = useState<string | undefined>();
  const isNow = player.at === undefined;
  const isGoingOn = feed.run === 'running' && feed.link !== 'complete';
  const judgement = isNow ? feed.judgement : undefined;
  const peer = picked === undefined ? undefined : scene.instances.get(picked);
  return (
    <>
      <a class="skip" href="#main">
        {t('skip')}
      </a>
      <header class="top live-top">
        <h1>
          <a class="product" href="/" title={t('live.allRuns')}>
            PeerLab
          </a>{' '}
          <Name text={feed.timeline.latest.run?.scenario ?? id} />
        </h1>
        <Switches />
        <Links id={id} feed={feed} />
        <Transport player={player} isGoingOn={isGoingOn} />
      </header>
      <main id="main" class="live">
        <Announcer scene={feed.timeline.latest} feed={feed} />
        {judgement ? <Verdict result={judgement.result} /> : <Question scene={scene} />}
        <NowBar scene={scene} />
        <Section id="network" title={t('network')}>
          <div class={peer ? 'split' : ''}>
            <Network
              scene={scene}
              picked={picked}
              isMoving={(isNow && isGoingOn) || player.isPlaying}
              onPick={setPicked}
            />
            {peer && (
              <PeerPanel id={id} scene={scene} peer={peer} isGoingOn={isGoingOn} onClose={() => setPicked(undefined)} />
            )}
          </div>
        </Section>
        {scene.contents.size > 0 && (
          <Section id="pieces" title={t('pieces')}>
            <Pieces scene={scene} picked={picked} onPick={setPicked} />
          </Section>
        )}
        <Section id="course" title={t('course')}>
          <CourseChart
            scene={scene}
            until={Math.max(player.end, drawnUntil(player.scene))}
            at={isNow ? player.end : (player.at ?? 0)}
            onPick={player.seek}
          />
        </Section>
        <div class="columns">
          <Section id="steps" title={t('steps')}>
            <Steps scene={scene} />
          </Section>
          <Section id="happenings" title={t('happenings')}>
            <Happenings scene={scene} />
          </Section>
        </div>
        <Section id="expectations" title={t('expectations')}>
          {judgement ? (
            <Expectations expectations={judgement.result.expectations} units={judgement.units} />
          ) : (
            <Standings scene={scene} />
          )}
        </Section>
        {judgement && (
          <Section id="checks" title={t('checks')}>
            <Checks checks={judgement.result.checks} />
          </Section>
        )}
        <Section id="peers" title={t('peers')}>
          <PeerTable scene={scene} picked={picked} onPick={setPicked} />
        </Section>
      </main>
    </>
  );
}

/** The last bar of the throughput may reach beyond now. */
function drawnUntil({ throughput: { binSeconds, bytes } }: Scene): number {
  return binSeconds * bytes.length;
}

function Links({ id, feed }: { id: string; feed: FeedState }) {
  const { t } = useSettings();
  return (
    <p class="links">
      <span class={`state ${feed.run}`}>{t(`run.${feed.run}`)}</span>
      {feed.link !== 'complete' && <span class={`link ${feed.link}`}>{t(`link.${feed.link}`)}</span>}
      <a href="/">{t('live.allRuns')}</a>
      {feed.judgement && <a href={`/results/${encodeURIComponent(id)}/report.html`}>{t('live.report')}</a>}
    </p>
  );
}

function Question({ scene: { run } }: { scene: Scene }) {
  const { t, format } = useSettings();
  if (!run) return <p class="note">{t('now.waiting')}</p>;
  const facts = { peers: format.number(run.peers.length), driver: run.driver, seed: run.seed };
  return (
    <section class="verdict" aria-label={t('scenario')}>
      <p class="question">
        <Foreign text={run.description} />
      </p>
      <p class="note">
        {format.moment(run.startedAt)} · {t('facts', facts)}
      </p>
    </section>
  );
}

/** For those who do not see the page: what everybody should know, as it happens. */
function Announcer({ scene, feed }: { scene: Scene; feed: FeedState }) {
  const { t } = useSettings();
  const text = useMemo(() => {
    if (feed.judgement) return `${t('verdict')}: ${t(`outcome.${feed.judgement.result.verdict}`)}`;
    const step = [...scene.steps.values()].findLast(({ began, ended }) => began !== undefined && ended === undefined);
    const fault = [...scene.faults.values()].findLast(({ until }) => until === undefined);
    const lost = [...scene.instances.values()].filter(({ life }) => life === 'lost');
    return [
      step && `${t('step')} ${step.id}: ${step.label}`,
      fault && `${t('happening.fault')}: ${fault.kind} ${fault.who}`,
      lost.length > 0 &&
        `${t('happening.lost')}: ${lost
          .map(({ name }) => name)
          .slice(0, 5)
          .join(', ')}`,
    ]
      .filter(Boolean)
      .join('. ');
  }, [scene, feed.judgement, t]);
  return (
    <p class="hidden" role="status">
      <Foreign text={text} />
    </p>
  );
}
