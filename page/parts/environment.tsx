import type { Result } from '../../lab/checks/result-schema.ts';
import { useSettings } from '../settings/settings.tsx';
import type { TextKey } from '../settings/texts.ts';
import { TEXTS } from '../settings/texts.ts';
import { CopyButton } from './copy-button.tsx';
import { type Fact, Facts } from './facts.tsx';
import { Foreign } from './foreign.tsx';

/** What was tested and on what, and how to do it again. */
export function Environment({ result, again }: { result: Result; again: string }) {
  const { t, format } = useSettings();
  const { runId, driver, seed, startedAt, tested, artifacts, resources, lab, machine = {} } = result;
  const run: Fact[] = [
    [t('run'), runId],
    [t('started'), format.moment(startedAt)],
    [t('driver'), driver],
    [t('seed'), String(seed)],
  ];
  const cost = Object.entries({ ...resources, ...lab }).map(([name, value = 0]) => {
    const words = wordsFor('cost', name, t);
    if (name.includes('Bytes')) return [words, format.bytes(value)] as const;
    return [words, name.includes('Seconds') ? format.seconds(value) : format.percent(value)] as const;
  });
  return (
    <>
      <h3>{t('again')}</h3>
      <p class="command">
        <Foreign text={again} isCode={true} /> <CopyButton text={() => again} label={t('copy')} />
      </p>
      <FactList title={t('run')} facts={run} />
      <FactList title={t('tested')} facts={tested.map((one) => [whoOf(one, t), programText(one)])} />
      <FactList
        title={t('machine')}
        facts={Object.entries(machine).map(([name, value]) => [wordsFor('machine', name, t), value])}
      />
      <FactList title={t('artifacts')} facts={Object.entries(artifacts)} />
      <FactList title={t('cost')} facts={cost} />
    </>
  );
}

function FactList({ title, facts }: { title: string; facts: readonly Fact[] }) {
  if (facts.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <Facts facts={facts} isWide={true} />
    </>
  );
}

type Texts = (key: TextKey) => string;

/** The lab may come to know more of a machine, and of what a run cost, than this page has words for. */
function wordsFor(what: 'machine' | 'cost', name: string, t: Texts): string {
  const key = `${what}.${name}`;
  return key in TEXTS ? t(key as TextKey) : name;
}

function whoOf({ role, groups = [] }: Result['tested'][number], t: Texts): string {
  if (role === 'directory') return t('directory');
  return groups.length === 0 ? t('allPeers') : groups.join(', ');
}

function programText({ isOwn, name, version, digest, files = [] }: Result['tested'][number]): string {
  const exact = [version, digest, ...files.map(({ path, sha256 }) => `${path} sha256:${sha256}`)];
  return [isOwn ? 'PeerLab' : name, ...exact.filter((one) => one !== undefined)].join(' ');
}
