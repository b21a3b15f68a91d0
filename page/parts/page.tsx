import type { ComponentChildren } from 'preact';
import { useSettings } from '../settings/settings.tsx';
import { Switches } from '../settings/switches.tsx';
import type { TextKey } from '../settings/texts.ts';
import { Name } from './foreign.tsx';

/** What can be jumped to: the id of a section, whose title has a text of the same name. */
export type SectionId = Extract<
  TextKey,
  | 'expectations'
  | 'course'
  | 'checks'
  | 'failures'
  | 'faults'
  | 'operations'
  | 'transfers'
  | 'swarm'
  | 'peers'
  | 'environment'
  | 'runs'
  | 'rules'
>;

export interface PageProps {
  readonly title: string;
  readonly links: readonly SectionId[];
  readonly children: ComponentChildren;
}

/** The frame of every page: what it is about, what is on it, and the switches. */
export function Page({ title, links, children }: PageProps) {
  const { t } = useSettings();
  return (
    <>
      <a class="skip" href="#main">
        {t('skip')}
      </a>
      <header class="top">
        <h1>
          <span class="product">PeerLab</span> <Name text={title} />
        </h1>
        <Switches />
        <nav aria-label={t('contents')}>
          {links.map((id) => (
            <a key={id} href={`#${id}`}>
              {t(id)}
            </a>
          ))}
        </nav>
      </header>
      <main id="main">{children}</main>
    </>
  );
}
