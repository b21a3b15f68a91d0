import type { RuleId } from '../rules.ts';

/**
 * What each variant of variant-peer.ts breaks: exactly these rules, and no other. `none` keeps all that it brings. What a broken rule makes
 * impossible to see is not listed.
 */
export const VARIANTS = {
  none: [],
  'ends-at-start': ['control.health'],
  'refuses-settings': ['settings.unknown'],
  'no-token': ['control.token'],
  'one-connection': ['control.connections'],
  'no-lease': ['control.login'],
  'no-empty': ['fetch.empty'],
  'decodes-names': ['names.odd'],
  'encodes-names': ['names.fetched'],
  'one-file-open': ['load.callers'],
  'keeps-endless': ['attack.endless'],
  'ok-to-all': ['control.unknown', 'control.index', 'control.search'],
  'ok-with-error': ['control.forms'],
  'wrong-hashes': ['directory.lists', 'directory.publishes'],
  'no-heartbeat': ['directory.lease'],
  'late-heartbeat': ['directory.lease'],
  'never-publishes': ['directory.publishes'],
  'no-ticket': ['tickets.shown'],
  'no-hashes': ['hashes.content', 'hashes.other'],
  'half-in-share': ['fetch.unfinished'],
  'empty-when-absent': ['fetch.absent'],
  'ok-when-absent': ['control.forms', 'fetch.absent'],
  'ignores-from': ['fetch.from'],
  replaces: ['fetch.keeps', 'fetch.again'],
  believes: ['attack.bytes', 'attack.short', 'attack.long'],
  'text-mode': ['download.whole', 'fetch.whole'],
  'one-variable': ['load.many'],
  miscounts: ['fetch.answer'],
  'dies-at-tenth': ['control.index'],
  'garbled-metrics': ['metrics.text', 'metrics.bytes', 'metrics.zero'],
  paths: ['names.outside'],
  'ok-empty': ['download.absent', 'names.outside'],
  'ignores-ranges': ['ranges.middle', 'ranges.rest'],
  'off-by-one': ['ranges.middle', 'ranges.rest'],
  'dies-when-left': ['download.left'],
  'nothing-for-empty': ['download.empty'],
  'no-offsets': ['download.offsets'],
  'no-size': ['download.announces'],
  'drops-head': ['download.whole'],
  'other-port': ['settings.place'],
  'ignores-sigterm': ['end.sigterm'],
  'no-goodbye': ['end.logout'],
  'bad-exit': ['end.sigterm'],
} as const satisfies Readonly<Record<string, readonly RuleId[]>>;

export type Variant = keyof typeof VARIANTS;
