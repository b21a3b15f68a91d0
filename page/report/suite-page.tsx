import { DataTable } from '../parts/data-table.tsx';
import { Foreign, Name } from '../parts/foreign.tsx';
import { Mark, type Outcome } from '../parts/mark.tsx';
import { Page } from '../parts/page.tsx';
import { Section } from '../parts/section.tsx';
import { useSettings } from '../settings/settings.tsx';
import type { SuiteReport, SuiteReportLine } from './data.ts';

/** The report of a suite: what came out of each scenario, and the way to its own report. */

/** What needs a look comes first. */
const OUTCOMES = {
  failed: 'fail',
  'unexpected pass': 'fail',
  inconclusive: 'inconclusive',
  'not run': 'inconclusive',
  'known failure': 'pass',
  ok: 'pass',
  skipped: 'none',
} as const satisfies Record<SuiteReportLine['outcome'], Outcome>;
const ORDER = Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[];

/** The report of the run has them all. */
const MAX_BROKEN = 6;

export function SuitePage({ data }: { data: SuiteReport }) {
  const { t } = useSettings();
  const troubled = ORDER.filter((outcome) => ['fail', 'inconclusive'].includes(OUTCOMES[outcome])).flatMap((outcome) =>
    data.lines.filter((line) => line.outcome === outcome),
  );
  return (
    <Page title={data.name} links={['runs']}>
      <SuiteVerdict data={data} />
      {troubled.map((line, n) => (
        <Trouble key={`${n} ${line.name}`} line={line} />
      ))}
      <Section id="runs" title={t('runs')}>
        <Runs lines={data.lines} />
      </Section>
    </Page>
  );
}

function SuiteVerdict({ data: { description, lines } }: { data: SuiteReport }) {
  const { t, format } = useSettings();
  const counts = ORDER.map((outcome) => ({
    outcome,
    count: lines.filter((line) => line.outcome === outcome).length,
  })).filter(({ count }) => count > 0);
  const worst = OUTCOMES[counts[0]?.outcome ?? 'not run'];
  const seconds = lines.reduce((sum, line) => sum + line.seconds, 0);
  return (
    <section class={`verdict ${worst}`} aria-label={t('verdict')}>
      <p class="question">
        <Foreign text={description} />
      </p>
      <p class="answer">
        {counts.map(({ outcome, count }) => (
          <span key={outcome} class="count">
            {format.number(count)} × <Mark outcome={OUTCOMES[outcome]} word={`suite.${outcome}`} />
          </span>
        ))}
      </p>
      <p class="note">{t('suite.facts', { count: lines.length, seconds: format.seconds(seconds) })}</p>
    </section>
  );
}

function Trouble({ line: { name, outcome, reason, report, result } }: { line: SuiteReportLine }) {
  const { t, format } = useSettings();
  return (
    <article class={`card ${OUTCOMES[outcome]}`}>
      <h2>
        <Mark outcome={OUTCOMES[outcome]} word={`suite.${outcome}`} /> <Name text={name} />
      </h2>
      <p>
        <Foreign text={reason} />
      </p>
      {result && result.broken.length > 0 && (
        <ul>
          {result.broken.slice(0, MAX_BROKEN).map((one) => (
            <li key={one}>
              <Foreign text={one} isCode={true} />
            </li>
          ))}
          {result.broken.length > MAX_BROKEN && (
            <li class="note">{t('peer.more', { more: format.number(result.broken.length - MAX_BROKEN) })}</li>
          )}
        </ul>
      )}
      {report !== undefined && <a href={report}>{t('suite.open')}</a>}
    </article>
  );
}

function Runs({ lines }: { lines: readonly SuiteReportLine[] }) {
  const { t, format } = useSettings();
  const rateOf = ({ result }: SuiteReportLine) => result?.transfers.throughputBytesPerSecond?.aggregate;
  return (
    <DataTable<SuiteReportLine>
      caption={t('runs')}
      rows={lines}
      keyOf={({ name }) => name}
      shown={200}
      columns={[
        {
          ...{ key: 'name', head: t('scenario'), value: ({ name }) => name, isHead: true },
          cell: ({ name, report }) =>
            report === undefined ? (
              <Name text={name} />
            ) : (
              <a href={report}>
                <Name text={name} />
              </a>
            ),
        },
        {
          ...{ key: 'outcome', head: t('outcome'), value: ({ outcome }) => t(`suite.${outcome}`) },
          cell: ({ outcome }) => <Mark outcome={OUTCOMES[outcome]} word={`suite.${outcome}`} />,
        },
        {
          key: 'took',
          head: t('took'),
          value: ({ seconds }) => seconds,
          cell: ({ seconds }) => format.seconds(seconds),
        },
        { key: 'peers', head: t('peers'), value: ({ result }) => result?.peers },
        { key: 'ok', head: t('transfers'), value: ({ result }) => result?.transfers.ok },
        { key: 'failed', head: t('failed'), value: ({ result }) => result?.transfers.failed },
        {
          ...{ key: 'rate', head: t('tile.together'), value: rateOf },
          cell: (line) => {
            const rate = rateOf(line);
            return rate === undefined ? '–' : format.rate(rate);
          },
        },
      ]}
    />
  );
}
