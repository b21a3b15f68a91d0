import type { RuleId } from './rules.ts';

/**
 * THE CHAPTERS OF THE COURSE (docs/course/): in which order a peer learns the rules. Each rule has one chapter. Those after the third are
 * about scenarios, and have few rules of their own.
 */
export const CHAPTERS: readonly { readonly title: string; readonly rules: readonly RuleId[] }[] = [
  {
    title: 'A peer that answers',
    rules: ['settings.unknown', 'control.health', 'control.token', 'control.connections', 'control.unknown'],
  },
  {
    title: 'Share and serve',
    rules: [
      ...(['settings.place', 'control.login', 'directory.lists', 'directory.lease'] as const),
      ...(['download.whole', 'download.empty', 'download.absent', 'download.offsets', 'download.announces'] as const),
      ...(['download.left', 'names.odd', 'names.outside', 'hashes.content', 'hashes.other', 'load.callers'] as const),
      ...(['end.sigterm', 'end.logout'] as const),
    ],
  },
  {
    title: 'Find by the directory',
    rules: [
      ...(['control.index', 'control.search', 'control.loadfiles', 'control.forms', 'fetch.whole'] as const),
      ...(['fetch.empty', 'fetch.answer', 'fetch.absent', 'fetch.from', 'fetch.again', 'names.fetched'] as const),
      ...(['directory.publishes', 'directory.logout', 'metrics.text', 'metrics.bytes', 'metrics.zero'] as const),
    ],
  },
  {
    title: 'Verify: a liar arrives',
    rules: [
      ...(['attack.bytes', 'attack.short', 'attack.long', 'attack.endless'] as const),
      ...(['fetch.unfinished', 'fetch.keeps', 'load.many'] as const),
    ],
  },
  {
    title: 'Many sources',
    rules: ['ranges.middle', 'ranges.rest', 'ranges.outside', 'trees.right', 'trees.absent'],
  },
  {
    title: 'Survive',
    rules: [
      ...(['upload.stored', 'upload.refused', 'upload.keeps', 'upload.names', 'upload.bare', 'upload.sends'] as const),
      ...(['tickets.shown', 'tickets.good', 'tickets.none'] as const),
    ],
  },
  { title: 'Be fast', rules: ['batches.right', 'upload.offers'] },
  { title: 'A swarm', rules: ['swarm.map', 'swarm.absent'] },
];

/** The rules of this chapter and of those before it: what was green stays green. */
export function rulesUpTo(chapter: number): RuleId[] {
  return CHAPTERS.slice(0, chapter + 1).flatMap(({ rules }) => rules);
}
