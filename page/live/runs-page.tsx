import { useEffect, useState } from 'preact/hooks';
import { DataTable } from '../parts/data-table.tsx';
import { Foreign, Name } from '../parts/foreign.tsx';
import { Mark } from '../parts/mark.tsx';
import { Page } from '../parts/page.tsx';
import { Section } from '../parts/section.tsx';
import { useSettings } from '../settings/settings.tsx';
import type { Listing } from './listing.ts';

/** What there is to see, the latest first. */

const AGAIN_MS = 2000;

export function RunsPage() {
  const { t, format } = useSettings();
  const { listing, isAway } = useListing();
  return (
    <Page title={t('live.runs')} links={[]}>
      {isAway && (
        <p role="alert" class="verdict inconclusive">
          {t('live.unreachable')}
        </p>
      )}
      {listing && listing.suites.length > 0 && (
        <Section id="suites" title={t('live.suites')}>
          <ul>
            {listing.suites.map((name) => (
              <li key={name}>
                <a href={`/results/${encodeURIComponent(name)}/report.html`}>
                  <Name text={name} />
                </a>
              </li>
            ))}
          </ul>
        </Section>
      )}
      {listing && (
        <Section id="runs" title={t('runs')}>
          {listing.runs.length === 0 ? <p>{t('live.none')}</p> : <Runs runs={listing.runs} />}
          {listing.more > 0 && <p class="note">{t('live.more', { more: format.number(listing.more) })}</p>}
        </Section>
      )}
    </Page>
  );
}

type Run = Listing['runs'][number];

function Runs({ runs }: { runs: readonly Run[] }) {
  const { t, format } = useSettings();
  return (
    <DataTable<Run>
      caption={t('runs')}
      rows={runs}
      keyOf={({ id }) => id}
      shown={100}
      isStacked={true}
      columns={[
        {
          ...{ key: 'run', head: t('run'), value: ({ id }) => id, isHead: true },
          cell: ({ id }) => <a href={`/runs/${encodeURIComponent(id)}`}>{id}</a>,
        },
        { key: 'scenario', head: t('scenario'), value: ({ scenario }) => scenario, cell: scenarioCell },
        {
          key: 'state',
          head: t('state'),
          value: (run) => t(run.verdict ? `outcome.${run.verdict}` : `run.${run.state}`),
          cell: StateCell,
        },
        {
          key: 'started',
          head: t('started'),
          value: ({ startedAt }) => startedAt,
          cell: (run) => <span class="one-line">{format.moment(run.startedAt)}</span>,
        },
        { key: 'peers', head: t('peers'), value: ({ peers }) => peers },
        { key: 'driver', head: t('driver'), value: ({ driver }) => driver },
        {
          ...{ key: 'reason', head: t('reason'), value: ({ reason }) => reason },
          cell: ({ reason = '' }) => (
            <span class="reason">
              <Foreign text={reason} />
            </span>
          ),
        },
        {
          key: 'report',
          head: t('live.report'),
          value: ({ hasReport }) => (hasReport ? 1 : undefined),
          cell: ReportCell,
        },
      ]}
    />
  );
}

function scenarioCell({ scenario }: Run) {
  return <Name text={scenario} />;
}

function StateCell({ verdict, state }: Run) {
  const { t } = useSettings();
  return verdict ? <Mark outcome={verdict} /> : <span class={`state ${state}`}>{t(`run.${state}`)}</span>;
}

function ReportCell({ id, hasReport }: Run) {
  return hasReport ? (
    <a href={`/results/${encodeURIComponent(id)}/report.html`} aria-label={`report.html ${id}`}>
      report.html
    </a>
  ) : null;
}

/** Looks again while it is looked at. */
function useListing(): { listing: Listing | undefined; isAway: boolean } {
  const [listing, setListing] = useState<Listing | undefined>();
  const [isAway, setAway] = useState(false);
  useEffect(() => {
    const look = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch('/runs.json');
        if (answer.ok) setListing((await answer.json()) as Listing);
        setAway(!answer.ok);
      } catch {
        setAway(true);
      }
    };
    void look();
    const timer = setInterval(() => void look(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return { listing, isAway };
}
