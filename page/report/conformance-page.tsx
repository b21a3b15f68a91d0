import { DataTable } from '../parts/data-table.tsx';
import { Foreign, Prose } from '../parts/foreign.tsx';
import { Mark, type Outcome } from '../parts/mark.tsx';
import { Page } from '../parts/page.tsx';
import { Section } from '../parts/section.tsx';
import { useSettings } from '../settings/settings.tsx';
import type { ConformanceReport, JudgedRule } from './data.ts';

/** The report of a check of a peer: what is broken, why, and what to read; and then each rule. */

/** What needs a look comes first. Only a `must` decides. */
const ORDER = ['broken', 'not seen', 'not brought', 'kept'] as const satisfies JudgedRule['outcome'][];

function markOf({ outcome, level }: JudgedRule): Outcome {
  if (outcome === 'kept') return 'pass';
  if (outcome === 'broken') return level === 'must' ? 'fail' : 'inconclusive';
  return outcome === 'not seen' && level === 'must' ? 'inconclusive' : 'none';
}

export function ConformancePage({ data }: { data: ConformanceReport }) {
  const { t } = useSettings();
  const troubled = ORDER.slice(0, 2).flatMap((wanted) =>
    (['must', 'should'] as const).flatMap((level) =>
      data.rules.filter((rule) => rule.outcome === wanted && rule.level === level),
    ),
  );
  return (
    <Page title={data.tested} links={['rules']}>
      <ContractVerdict data={data} />
      {troubled.map((rule) => (
        <Trouble key={rule.id} rule={rule} />
      ))}
      <Section id="rules" title={t('rules')}>
        <Rules rules={data.rules} />
      </Section>
    </Page>
  );
}

function ContractVerdict({ data: { verdict, reason, driver } }: { data: ConformanceReport }) {
  const { t } = useSettings();
  return (
    <section class={`verdict ${verdict}`} aria-label={t('verdict')}>
      <p class="question">{t('rules.question')}</p>
      <p class="answer">
        <Mark outcome={verdict} /> <Foreign text={reason} />
      </p>
      <p class="note">{t('rules.facts', { driver })}</p>
    </section>
  );
}

function Trouble({ rule }: { rule: JudgedRule }) {
  const { t } = useSettings();
  const { id, level, is, outcome, evidence, why, hint, section } = rule;
  const told = [
    ...(evidence
      ? ([
          ['rule.asked', evidence.asked],
          ['rule.expected', evidence.expected],
          ['rule.came', evidence.came],
        ] as const)
      : []),
    ...(why === undefined ? [] : ([['reason', why]] as const)),
    ['rule.hint', hint],
    ['rule.read', `docs/peer-contract.md, "${section.replaceAll('*', '')}"`],
  ] as const;
  return (
    <article class={`card ${markOf(rule)}`}>
      <h2>
        <Mark outcome={markOf(rule)} word={`rule.${outcome}`} /> <Foreign text={id} isCode={true} />{' '}
        {t(`rule.${level}`)}
      </h2>
      <p>
        <Prose text={is} />
      </p>
      <dl class="told">
        {told.map(([word, text]) => (
          <div key={word}>
            <dt>{t(word)}</dt>
            <dd>{word === 'rule.hint' ? <Prose text={text} /> : <Foreign text={text} />}</dd>
          </div>
        ))}
      </dl>
    </article>
  );
}

function Rules({ rules }: { rules: readonly JudgedRule[] }) {
  const { t } = useSettings();
  return (
    <DataTable<JudgedRule>
      caption={t('rules')}
      rows={rules}
      keyOf={({ id }) => id}
      shown={200}
      isStacked={true}
      columns={[
        {
          ...{ key: 'rule', head: t('rule'), value: ({ id }) => id, isHead: true },
          cell: ({ id }) => <Foreign text={id} isCode={true} />,
        },
        { key: 'level', head: t('rule.level'), value: ({ level }) => t(`rule.${level}`) },
        {
          ...{ key: 'outcome', head: t('outcome'), value: ({ outcome }) => t(`rule.${outcome}`) },
          cell: (rule) => <Mark outcome={markOf(rule)} word={`rule.${rule.outcome}`} />,
        },
        { key: 'is', head: t('rule.is'), value: ({ is }) => is, cell: ({ is }) => <Prose text={is} /> },
      ]}
    />
  );
}
