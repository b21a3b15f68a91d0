import { expect, test } from 'vitest';
import { ScenarioInvalid } from '../language/mistake.ts';
import { makePlan } from './plan.ts';
import { readScenario } from './read.ts';

const HEAD = `name: try
description: Does it read?
groups:
  seeders: {count: 2, share: {files: 2, size: 1KiB}}
  leechers: {count: 2}
`;
const STEPS = `steps:
  - login: all
  - download: leechers
`;
const EXPECT = `expect:
  - transfers.failed == 0
`;

function mistakesOf(text: string): string[] {
  try {
    makePlan(readScenario(text, 'try.yaml'));
    return [];
  } catch (error) {
    if (error instanceof ScenarioInvalid) return error.lines().map((line) => line.replace('try.yaml:', ''));
    throw error;
  }
}

test('a right scenario has no mistakes', () => {
  expect(mistakesOf(HEAD + STEPS + EXPECT)).toEqual([]);
});

test('a setting that is like none of ours is for a peer of somebody else', () => {
  const env =
    '{PEER_STALL_TIMEOUT: 1s, PEER_HOSTED: x, PEER_COLOUR: blue, PEER_HASH: 1, DIRECTORY_SERVERS: x, DOUBLE_LIES: none, DEBUG: 1}';
  expect(mistakesOf(`${HEAD}  more: {env: ${env}}\n${STEPS}${EXPECT}`)).toEqual([]);
});

test.each([
  [
    'an unknown key at the top',
    `${HEAD}stepps: []\n${STEPS}${EXPECT}`,
    ['6:1: unknown key "stepps". Did you mean "steps"?'],
  ],
  [
    'no expectation',
    HEAD + STEPS,
    ['1:1: "expect" is missing: expected a list of expectations, such as "transfers.failed == 0"'],
  ],
  [
    'an empty list of expectations',
    `${HEAD}${STEPS}expect: []\n`,
    ['9:9: expected at least one expectation: a run in which nothing is checked proves nothing'],
  ],
  [
    'a misspelt setting of a group',
    `${HEAD}  more: {env: {PEER_STALL_TIMOUT: 1s, LOG_LEVL: debug}}\n${STEPS}${EXPECT}`,
    [
      '6:35: unknown setting "PEER_STALL_TIMOUT". Did you mean "PEER_STALL_TIMEOUT"?',
      '6:49: unknown setting "LOG_LEVL". Did you mean "LOG_LEVEL"?',
    ],
  ],
  [
    'a misspelt setting of the directory',
    `directory: {env: {DIRECTORY_OPEN_ACOUNTS: 0}}\n${HEAD}${STEPS}${EXPECT}`,
    ['1:43: unknown setting "DIRECTORY_OPEN_ACOUNTS". Did you mean "DIRECTORY_OPEN_ACCOUNTS"?'],
  ],
  [
    'an unknown step',
    `${HEAD}steps:\n  - downlaod: all\n${EXPECT}`,
    ['7:5: unknown step "downlaod". Did you mean "download"?'],
  ],
  [
    'a step of two verbs',
    `${HEAD}steps:\n  - login: all\n    logout: all\n${EXPECT}`,
    ['7:5: expected a step: a map with one verb, such as "- login: all", got 2 keys: login, logout'],
  ],
  [
    'a step that is a word',
    `${HEAD}steps:\n  - login\n${EXPECT}`,
    ['7:5: expected a step: a map with one verb, such as "- login: all", got "login"'],
  ],
  [
    'an unknown key of a step',
    `${HEAD}steps:\n  - download: {group: leechers, fils: "*"}\n${EXPECT}`,
    ['7:33: unknown key "fils". Did you mean "files"?'],
  ],
  [
    'an unknown group',
    `${HEAD}steps:\n  - login: leecher\n${EXPECT}`,
    ['7:12: unknown group "leecher". Did you mean "leechers"?'],
  ],
  [
    'a step that nobody has to do with',
    `${HEAD}steps:\n  - download: {group: leechers, files: "*.txt"}\n${EXPECT}`,
    [
      '7:15: nobody has anything to do in this step: each peer of the group has every file that matches, or no peer that is there has one',
    ],
  ],
  [
    'a duration without unit',
    `${HEAD}steps:\n  - wait: "5"\n  - login: all\n${EXPECT}`,
    ['7:11: expected a duration with its unit, such as 500ms, 30s or 2m, at most 168h, got "5"'],
  ],
  [
    'a size that is none',
    `${HEAD.replace('1KiB', 'big')}${STEPS}${EXPECT}`,
    ['4:47: expected a size such as 64KiB or 5MB, at most 1024TiB, or a range such as 4KiB..1MiB, got "big"'],
  ],
  [
    'a count below one',
    `${HEAD.replace('count: 2}', 'count: 0}')}${STEPS}${EXPECT}`,
    [expect.stringMatching(/^5:21: .*1/)],
  ],
  [
    'an unknown figure',
    `${HEAD}${STEPS}expect:\n  - transfers.faild == 0\n`,
    ['10:5: transfers.faild: there is no figure "faild". Did you mean "failed"?'],
  ],
  [
    'a figure of a step that is not there',
    `${HEAD}${STEPS}expect:\n  - operations.upload.ok == 0\n`,
    [
      '10:5: operations.upload: no step of this scenario does "upload". Known: login, download.'.replace(
        'operations.upload:',
        'operations.upload.ok:',
      ),
    ],
  ],
  [
    'a latency without unit',
    `${HEAD}${STEPS}expect:\n  - operations.login.latency.p95 < 2\n`,
    [
      '10:5: operations.login.latency.p95: expected a duration with its unit, such as 500ms, 30s or 2m, at most 168h, got "2"',
    ],
  ],
  [
    'an expectation that is none',
    `${HEAD}${STEPS}expect:\n  - all is well\n`,
    ['10:5: expected "<figure> <comparison> <value>", such as "transfers.failed == 0", got "all is well"'],
  ],
  [
    'a folder that is not there',
    `${HEAD.replace('{count: 2}', '{share: {from: nowhere}}')}${STEPS}${EXPECT}`,
    [expect.stringMatching(/^5:.*expected a folder that can be read, got "nowhere" \(ENOENT\)/)],
  ],
  [
    'files and from mixed',
    `${HEAD.replace('size: 1KiB', 'size: 1KiB, from: docs')}${STEPS}${EXPECT}`,
    [expect.stringContaining('`size` does not go with `from`')],
  ],
  [
    'two files of one name',
    `${HEAD.replace('{count: 2}', '{share: {files: 1, size: 1, name: seeders-1.bin}}')}${STEPS}${EXPECT}`,
    [expect.stringContaining('two different files are both named "seeders-1.bin"')],
  ],
  ['broken YAML', 'name: [\n', [expect.stringMatching(/^2:1: /)]],
  [
    'a key twice',
    `${HEAD}${STEPS}${EXPECT}name: again\n`,
    ['11:1: the key name stands here a second time: keep one of them'],
  ],
  ['an empty file', '', [expect.stringMatching(/^1:1: /)]],
  ['a list', '- a\n', [expect.stringMatching(/^1:1: /)]],
])('%s is named with its place', (_, text, expected) => {
  expect(mistakesOf(text)).toEqual(expected);
});

test('all mistakes are named at once, in the order of the file', () => {
  const lines = mistakesOf(`name: Bad Name
descripton: typo
groups:
  Seeders: {count: 0}
steps:
  - logn: all
  - download: {group: nobody, concurrency: 0}
`);
  expect(lines.map((line) => line.split(':')[0])).toEqual(
    [...lines.map((line) => line.split(':')[0])].sort((a, b) => Number(a) - Number(b)),
  );
  for (const part of [
    'expected a name of lower-case',
    'unknown key "descripton"',
    '"expect" is missing',
    'unknown step "logn"',
    'group name',
  ]) {
    expect(lines.join('\n')).toContain(part);
  }
});

test.each([
  [
    'aliases that explode',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
      .split('')
      .map((key, i) => `${key}: &${key} [${Array(10).fill(`*${'abcdefghi'[i]}`).join(',')}]`)
      .join('\n')}\n`,
  ],
  ['deep brackets', '['.repeat(100_000)],
  ['deep maps', Array.from({ length: 500 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ['a huge file', `a: "${'x'.repeat(1024 * 1024)}"`],
])('%s: refused, and quickly', (_, text) => {
  const began = performance.now();
  expect(mistakesOf(text)).not.toEqual([]);
  expect(performance.now() - began).toBeLessThan(5000);
});
