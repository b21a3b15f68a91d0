import type { Result } from '../../lab/checks/result-schema.ts';
import type { OperationEvent } from '../../lab/history/events.ts';
import type { Scene } from '../model/scene.ts';
import { SHOWN_SLOWEST, slowestOf, tookOf } from '../model/slowest.ts';
import type { Excerpt } from '../report/data.ts';
import { useSettings } from '../settings/settings.tsx';
import { DataTable } from './data-table.tsx';
import { Foreign, Name, Quoted } from './foreign.tsx';

/** Operations that failed or took long, and what the logs say of them. */

export interface OperationsProps {
  readonly scene: Scene;
  readonly excerpts: readonly Excerpt[];
}

export function Failures({ failed, excerpts }: { failed: Result['failedOperations']; excerpts: readonly Excerpt[] }) {
  const { t, format } = useSettings();
  return (
    <>
      {failed?.map(({ operation, code, count, example }) => (
        <article class="card" key={`${operation} ${code}`}>
          <h3>
            {format.number(count)} × <Name text={operation} />: <Foreign text={code} isCode={true} />
          </h3>
          <p>
            <Name text={example.peer} />
            {example.file !== undefined && (
              <>
                {' '}
                <Quoted text={example.file} />
              </>
            )}{' '}
            {t('at', { seconds: format.seconds(example.at) })}: <Foreign text={example.message} />
          </p>
          <LogLines excerpt={excerpts.find(({ log, line }) => log === example.log && line === example.line)} />
          <p class="note">
            <Foreign text={example.line === undefined ? example.log : `${example.log}:${example.line}`} isCode={true} />
          </p>
        </article>
      ))}
    </>
  );
}

function LogLines({ excerpt }: { excerpt: Excerpt | undefined }) {
  const { t } = useSettings();
  if (!excerpt) return null;
  return (
    <section class="scrolls log" aria-label={t('log')}>
      <ol start={excerpt.first}>
        {excerpt.lines.map((line, n) => {
          const number = excerpt.first + n;
          return (
            <li key={number} value={number} aria-current={number === excerpt.line || undefined}>
              <Foreign text={line} isCode={true} />
            </li>
          );
        })}
      </ol>
    </section>
  );
}

export function Slowest({ scene, excerpts }: OperationsProps) {
  const { t, format } = useSettings();
  const slowest = slowestOf(scene.operations, SHOWN_SLOWEST);
  return (
    <ol class="slowest">
      {slowest.map((operation) => {
        const excerpt = excerpts.find((one) => one.operation === operation.id);
        return (
          <li key={operation.id}>
            <strong>{format.seconds(operation.end - operation.start)}</strong> <What of={operation} />{' '}
            <span class="note">{t('at', { seconds: format.seconds(operation.start) })}</span>
            {excerpt && (
              <details>
                <summary>
                  {t('log.show')} <Foreign text={`${excerpt.log}:${excerpt.line}`} isCode={true} />
                </summary>
                <LogLines excerpt={excerpt} />
              </details>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function What({ of: { operation, peer, file, to, outcome, error, step } }: { of: OperationEvent }) {
  const { t } = useSettings();
  return (
    <>
      <Name text={peer} />: <Name text={operation} />
      {file !== undefined && (
        <>
          {' '}
          <Quoted text={file} />
        </>
      )}
      {to !== undefined && (
        <>
          {' → '}
          <Name text={to} />
        </>
      )}{' '}
      <span class="note">{t('inStep', { step })}</span>
      {outcome === 'failed' && (
        <>
          {' '}
          <Foreign text={error?.code ?? ''} isCode={true} />
        </>
      )}
    </>
  );
}

/** All of them, to look things up. */
export function AllOperations({ scene }: { scene: Scene }) {
  const { t, format } = useSettings();
  return (
    <DataTable
      caption={t('operations.all')}
      rows={[...scene.operations]}
      keyOf={({ id }) => id}
      columns={[
        { key: 'start', head: t('start'), value: ({ start }) => start, cell: ({ start }) => format.seconds(start) },
        { key: 'took', head: t('took'), value: tookOf, cell: (row) => format.seconds(tookOf(row)) },
        {
          key: 'peer',
          head: t('peer'),
          value: ({ peer }) => peer,
          cell: ({ peer }) => <Name text={peer} />,
          isHead: true,
        },
        { key: 'operation', head: t('operation'), value: ({ operation }) => operation },
        { key: 'file', head: t('file'), value: ({ file }) => file, cell: ({ file = '' }) => <Name text={file} /> },
        { key: 'bytes', head: t('moved'), value: ({ bytes }) => bytes, cell: ({ bytes }) => format.bytes(bytes) },
        { key: 'outcome', head: t('outcome'), value: ({ error }) => error?.code ?? t('ok') },
        { key: 'step', head: t('step'), value: ({ step }) => step },
      ]}
    />
  );
}
