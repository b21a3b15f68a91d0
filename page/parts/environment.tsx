import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import { CopyButton } from './copy-button.tsx';
import { Foreign } from './foreign.tsx';

/** What was tested and on what, and how to do it again. */
export function Environment({ result, again }: { result: Result; again: string }) {
  const { t, format } = useSettings();
  const { runId, driver, seed, startedAt, tested, artifacts, resources, lab } = result;
  const facts: [string, string][] = [
    [t('run'), runId],
    [t('started'), format.moment(startedAt)],
    [t('driver'), driver],
    [t('seed'), String(seed)],
    ...tested.map((one): [string, string] => [testedAs(one, t('tested')), programText(one)]),
    ...Object.entries(artifacts),
    ...Object.entries({ ...resources, ...lab }).map(([name, value = 0]): [string, string] => [
      name,
      name.includes('Bytes') ? format.bytes(value) : format.seconds(value),
    ]),
  ];
  return (
    <>
      <h3>{t('again')}</h3>
      <p class="command">
        <Foreign text={again} isCode={true} /> <CopyButton text={() => again} label={t('copy')} />
      </p>
      <dl class="facts wide">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>
              <Foreign text={name} />
            </dt>
            <dd>
              <Foreign text={value} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function testedAs({ role, groups = [] }: Result['tested'][number], tested: string): string {
  return [tested, role, ...(groups.length > 0 ? [`(${groups.join(', ')})`] : [])].join(' ');
}

function programText({ isOwn, name, version, digest, files = [] }: Result['tested'][number]): string {
  const exact = [version, digest, ...files.map(({ path, sha256 }) => `${path} sha256:${sha256}`)];
  return [isOwn ? 'PeerLab' : name, ...exact.filter((one) => one !== undefined)].join(' ');
}
