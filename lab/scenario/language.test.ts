import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { arrivalTimesMs } from '../language/arrival.ts';
import { ScenarioInvalid } from '../language/mistake.ts';
import { Random } from '../language/random.ts';
import { byPopularity } from '../steps/download.ts';
import type { PlannedOperation, PlannedStep } from '../steps/step.ts';
import { STEPS } from '../steps/table.ts';
import { LIBRARY, libraryNames, readScenarioFile } from './find.ts';
import { scenarioJsonSchema } from './json-schema.ts';
import { makePlan, type Plan, placesOf } from './plan.ts';
import { readScenario } from './read.ts';
import type { Variables } from './variables.ts';

const GROUPS = `  seeders: {count: 3, share: {files: 4, size: 1KiB, copies: all}}
  leechers: {count: 10, limits: {disk: 64MB}}
  latecomers: {count: 2, later: true}`;

function plan(
  steps: string,
  options: { groups?: string; vars?: string; given?: Variables; expect?: string } = {},
): Plan {
  const text = `name: try\ndescription: d\n${options.vars ?? ''}groups:\n${options.groups ?? GROUPS}\nsteps:\n${steps}\nexpect:\n  - ${options.expect ?? 'transfers.failed == 0'}\n`;
  return makePlan(readScenario(text, 'try.yaml', options.given));
}

function mistakes(steps: string, options: Parameters<typeof plan>[1] = {}): string {
  try {
    plan(steps, options);
    return '';
  } catch (error) {
    if (error instanceof ScenarioInvalid) return error.lines().join('\n');
    throw error;
  }
}

function operations(steps: readonly PlannedStep[]): PlannedOperation[] {
  return steps.flatMap((step) => {
    if (step.does === 'operations') return step.flows.flatMap((flow) => flow.operations);
    if (step.does === 'parallel') return step.branches.flatMap(operations);
    if (step.does === 'repeat') return step.rounds.flatMap(operations);
    return step.does === 'repeat-for' ? operations(step.first) : [];
  });
}

describe('who', () => {
  test('take picks so many, or a share, by the seed', () => {
    const [three] = plan('  - login: {group: leechers, take: 3}').steps;
    expect(operations(three ? [three] : [])).toHaveLength(3);
    expect(operations(plan('  - login: {group: leechers, take: 50%}').steps)).toHaveLength(5);
    expect(plan('  - login: {group: leechers, take: 3}')).toEqual(plan('  - login: {group: leechers, take: 3}'));
    expect(mistakes('  - login: {group: leechers, take: 0%}')).toContain(
      'expected a number of peers, or a share of them such as 50%, got "0%"',
    );
  });

  test('peers that are later take part only once a start step brought them', () => {
    const before = operations(plan('  - login: all').steps).map(({ peer }) => peer);
    expect(before).toHaveLength(13);
    expect(mistakes('  - login: latecomers')).toContain('no peer of the group is there');
    const { steps } = plan('  - start: latecomers\n  - login: latecomers');
    expect(steps[0]).toMatchObject({ does: 'start', peers: [{ peer: 'latecomers-1' }, { peer: 'latecomers-2' }] });
    expect(mistakes('  - login: all\n  - start: seeders')).toContain('is there already');
  });

  test('peers that were stopped take part no more, and neither do the files that only they had', () => {
    expect(mistakes('  - login: all\n  - stop: seeders\n  - download: leechers')).toContain(
      'nobody has anything to do',
    );
    expect(
      operations(plan('  - login: all\n  - stop: {group: seeders, take: 2}\n  - download: leechers').steps),
    ).toHaveLength(13 + 40);
  });
});

describe('faults', () => {
  const who = (steps: string) =>
    plan(`  - login: all\n${steps}`).steps.map((step) =>
      step.does === 'fault' || step.does === 'heal' ? step.who.map(({ peer }) => peer) : step.does,
    );

  test('inflict peers by the seed, or the directory', () => {
    expect(who('  - kill: {group: seeders, take: 2}')[1]).toHaveLength(2);
    expect(who('  - kill: {group: seeders, take: 2}')).toEqual(who('  - kill: {group: seeders, take: 2}'));
    expect(who('  - kill: directory\n  - restart: directory').slice(1)).toEqual([['directory'], ['directory']]);
    expect(mistakes('  - login: all\n  - kill: {group: directory, take: 1}')).toContain('there is one directory');
    expect(mistakes('  - login: directory')).toContain('unknown group "directory"');
    expect(mistakes('  - login: all', { groups: '  directory: {count: 1}' })).toContain('a meaning of their own');
  });

  test('of several directories, inflict one by its name, or all of them', () => {
    const two = { vars: 'directory: {replicas: 2}\n' };
    const whoOf = (steps: string) =>
      plan(`  - login: all\n${steps}`, two).steps.map((step) =>
        'who' in step ? step.who.map(({ peer }) => peer) : [],
      );
    expect(whoOf('  - kill: directory-2\n  - restart: directory-2').slice(1)).toEqual([
      ['directory-2'],
      ['directory-2'],
    ]);
    expect(whoOf('  - kill: directory')[1]).toEqual(['directory-1', 'directory-2']);
    expect(whoOf('  - kill: directory-2\n  - kill: directory')[2]).toEqual(['directory-1']);
    expect(mistakes('  - login: all\n  - kill: directory-3', two)).toContain('none of them is there');
    expect(mistakes('  - login: all\n  - kill: directory-1')).toContain('none of them is there');
    expect(mistakes('  - login: directory-1', two)).toContain('unknown group "directory-1"');
    expect(mistakes('  - login: all', { vars: 'directory: {replicas: 6}\n' })).toContain('expected at most 5');
  });

  test('who was killed takes no part until restarted, and only those come back', () => {
    expect(mistakes('  - login: all\n  - kill: seeders\n  - search: seeders')).toContain('nobody has anything to do');
    const killed = who('  - kill: {group: seeders, take: 2}\n  - restart: all');
    expect(killed[2]).toEqual(killed[1]);
    expect(mistakes('  - login: all\n  - restart: seeders')).toContain('none of them was killed or stopped');
    expect(mistakes('  - login: all\n  - restart: latecomers')).toContain('none of them was killed or stopped');
    expect(mistakes('  - stop: seeders\n  - start: seeders\n  - login: leechers')).toContain('`restart` is for peers');
    expect(mistakes('  - login: all\n  - kill: directory\n  - kill: directory')).toContain('none of them is there');
  });

  test('who is frozen is there; thaw is for them alone', () => {
    const frozen = who('  - freeze: {group: seeders, take: 1}\n  - thaw: all\n  - freeze: {group: seeders, for: 2s}');
    expect(frozen[2]).toEqual(frozen[1]);
    expect(operations(plan('  - freeze: leechers\n  - login: leechers').steps)).toHaveLength(10);
    expect(mistakes('  - login: all\n  - freeze: {group: seeders, for: 2s}\n  - thaw: seeders')).toContain(
      'none of them is frozen',
    );
    expect(mistakes('  - login: all\n  - freeze: seeders\n  - freeze: seeders')).toContain('is there and runs');
    expect(mistakes('  - login: all\n  - freeze: {group: seeders, for: 500ms}')).toContain('expected at least 1s');
  });
});

describe('faults of what lies around a peer', () => {
  const steps = (text: string) => plan(`  - login: all\n${text}`).steps.slice(1);
  const who = (text: string) =>
    steps(text).map((step) => (step.does === 'fault' || step.does === 'heal' ? step.who.map(({ peer }) => peer) : []));

  test('say what is asked for', () => {
    expect(
      steps(
        '  - cut: seeders\n  - cut: {group: directory, from: seeders, for: 10s}\n  - lose: {group: seeders, percent: 2.5}\n  - limit: {group: seeders, up: 4MB/s, down: 512KiB/s}\n  - delay: {group: seeders, by: 80ms, jitter: 10ms}\n  - fill: leechers',
      ),
    ).toMatchObject([
      { does: 'fault', fault: { kind: 'cut', from: 'all' } },
      { fault: { kind: 'cut', from: 'seeders' }, who: [{ peer: 'directory' }], forMs: 10_000 },
      { fault: { kind: 'lose', percent: 2.5 } },
      { fault: { kind: 'limit', upBytesPerSecond: 4e6, downBytesPerSecond: 512 * 1024 } },
      { fault: { kind: 'delay', byMs: 80, jitterMs: 10 } },
      { fault: { kind: 'fill' } },
    ]);
  });

  test('are undone in whom they are in force, and no others', () => {
    const [cut, , one, rest] = who(
      '  - cut: {group: seeders, take: 1}\n  - lose: {group: leechers, take: 2, percent: 5}\n  - heal: {group: all, of: cut}\n  - heal: all',
    );
    expect(one).toEqual(cut);
    expect(rest).toHaveLength(2);
    const idle = 'nothing that it could undo is in force';
    expect(mistakes('  - login: all\n  - heal: all')).toContain(idle);
    expect(mistakes('  - cut: {group: seeders, for: 5s}\n  - heal: seeders\n  - login: all')).toContain(idle);
    expect(mistakes('  - cut: seeders\n  - kill: seeders\n  - heal: seeders\n  - login: leechers')).toContain(idle);
    expect(mistakes('  - cut: seeders\n  - heal: {group: seeders, of: [lose]}\n  - login: all')).toContain(idle);
  });

  test.each([
    ['cut: {group: seeders, from: nobody}', 'unknown group "nobody"'],
    ['cut: {group: directory, from: directory}', 'can not be cut off from itself'],
    ['cut: {group: seeders, for: 1s}', 'expected at least 5s: what is shorter can not be proved'],
    ['lose: {group: seeders, percent: 0.1}', 'expected at least 1, got 0.1'],
    ['limit: seeders', 'expected `up`, `down` or both'],
    ['limit: {group: seeders, up: 4MB}', 'expected a rate such as 4MB/s'],
    ['limit: {group: seeders, up: 1kB/s}', 'expected at least 100kB/s'],
    ['delay: {group: seeders, by: 10ms, jitter: 20ms}', 'expected a `jitter` of at most `by`'],
    ['fill: seeders', 'has a disk with a size'],
  ])('%s is a mistake', (step, told) => {
    expect(mistakes(`  - login: all\n  - ${step}`)).toContain(told);
  });
});

describe('arrival', () => {
  const times = (how: Parameters<typeof arrivalTimesMs>[0], count: number) =>
    arrivalTimesMs(how, count, new Random('arrival'));

  test('at once, at a rate, on a ramp', () => {
    expect(times({ kind: 'at-once' }, 3)).toEqual([0, 0, 0]);
    expect(times({ kind: 'rate', perSecond: 4 }, 4)).toEqual([0, 250, 500, 750]);
    const ramp = times({ kind: 'ramp', fromPerSecond: 1, toPerSecond: 11 }, 10);
    const gaps = ramp.slice(1).map((at, i) => at - (ramp[i] ?? 0));
    expect(gaps[0]).toBe(1000);
    expect([...gaps].sort((a, b) => b - a)).toEqual(gaps);
  });

  test('Poisson: the mean gap is that of the rate, and the gaps vary as much as they are long', () => {
    const at = times({ kind: 'poisson', perSecond: 10 }, 4001);
    const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    const mean = gaps.reduce((a, b) => a + b) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(mean).toBeGreaterThan(95);
    expect(mean).toBeLessThan(105);
    expect(deviation / mean).toBeGreaterThan(0.9);
    expect(deviation / mean).toBeLessThan(1.1);
  });

  test('in a step: each peer has its time', () => {
    const [step] = plan('  - login: {group: leechers, arrival: {rate: 10/s}}').steps;
    expect(step?.does === 'operations' && step.flows.map(({ atMs }) => atMs)).toEqual([
      0, 100, 200, 300, 400, 500, 600, 700, 800, 900,
    ]);
    expect(mistakes('  - login: {group: leechers, arrival: {rate: 10}}')).toContain('expected a rate such as 10/s');
    expect(mistakes('  - login: {group: leechers, arrival: {rat: 10/s}}')).toContain('try.yaml:8:');
  });
});

test('popularity: with a Zipf exponent the first file is wanted most, without one all alike', () => {
  const files = ['a', 'b', 'c', 'd', 'e'];
  const first = (exponent: number) => {
    const wins = new Map(files.map((file) => [file, 0]));
    for (let i = 0; i < 3000; i++) {
      const [winner] = byPopularity(files, exponent, new Random('zipf', i));
      wins.set(winner as string, (wins.get(winner as string) ?? 0) + 1);
    }
    return [...wins.values()].map((count) => count / 3000);
  };
  for (const part of first(0)) expect(Math.abs(part - 0.2)).toBeLessThan(0.04);
  // With weights 1/n: 0.438, 0.219, 0.146, 0.109, 0.088.
  const zipf = first(1);
  for (const [n, expected] of [0.438, 0.219, 0.146, 0.109, 0.088].entries())
    expect(Math.abs((zipf[n] ?? 0) - expected)).toBeLessThan(0.04);
});

describe('blocks', () => {
  test('repeat: rounds draw anew', () => {
    const { steps } = plan('  - repeat: {times: 3, steps: [{download: {group: leechers, limit: 1}}]}');
    expect(operations(steps)).toHaveLength(30);
    const of = (peer: string) =>
      operations(steps)
        .filter((operation) => operation.peer === peer)
        .map(({ request }) => request.name);
    expect(new Set(of('leechers-1')).size).toBe(3);
    expect(mistakes('  - repeat: {steps: [{login: all}]}')).toContain('expected one of `times` and `for`');
  });

  test('repeat for a time: later rounds are the same whenever they are asked for, and go on from the last', () => {
    const rounds = () => {
      const [step] = plan('  - repeat: {for: 5s, steps: [{download: {group: leechers, limit: 1}}]}').steps;
      if (step?.does !== 'repeat-for') throw new Error('expected a repeat-for');
      return [step.first, step.next(1), step.next(2), step.next(3), step.next(4)].map((steps) =>
        operations(steps).map(({ peer, request }) => `${peer} ${request.name}`),
      );
    };
    expect(rounds()).toEqual(rounds());
    expect(rounds().map((round) => round.length)).toEqual([10, 10, 10, 10, 0]);
    expect(new Set(rounds().flat()).size).toBe(40);
  });

  test('each: every peer has a branch of its own, and is self in it', () => {
    const [step] = plan(
      '  - each: {group: leechers, arrival: {rate: 10/s}, steps: [{login: self}, {download: self}]}',
    ).steps;
    expect(step).toMatchObject({ does: 'parallel', atMs: expect.arrayContaining([0, 900]) });
    for (const branch of step?.does === 'parallel' ? step.branches : [])
      expect(new Set(operations(branch).map(({ peer }) => peer)).size).toBe(1);
    expect(mistakes('  - login: self')).toContain('self has a meaning only within `each`');
    expect(mistakes('  - each: {group: leechers, steps: [{login: seeders}]}')).toContain(
      'within `each` a peer acts for itself: expected self',
    );
    expect(mistakes('  - barrier: ready')).toContain('a barrier stands within `each`');
    const timed = '  - each: {group: leechers, steps: [{repeat: {for: 5s, steps: [{login: self}, {barrier: ready}]}}]}';
    expect(mistakes(timed)).toContain('nobody knows how many rounds');
    expect(mistakes(timed.replace('for: 5s', 'times: 2'))).toBe('');
  });

  test('places in the file are numbered, and mistakes inside blocks are located', () => {
    const { steps } = plan(
      '  - login: all\n  - parallel:\n      branches:\n        - [{search: leechers}, {index: leechers}]\n        - [{wait: 1s}]',
    );
    expect(placesOf(steps).map(({ id }) => id)).toEqual(['1', '2', '2.1.1', '2.1.2', '2.2.1']);
    expect(mistakes('  - parallel:\n      branches:\n        - [{serch: leechers}]\n        - [{wait: 1s}]')).toContain(
      'try.yaml:10:13: unknown step "serch". Did you mean "search"?',
    );
  });
});

describe('variables', () => {
  const groups = '  seeders: {count: "${n}", share: {files: 2, size: "${size}", copies: all}}\n  leechers: {count: 2}';
  const vars = 'vars: {n: 2, size: 1KiB}\n';

  test('have defaults, and are set from outside', () => {
    expect(plan('  - login: all', { groups, vars }).peers).toHaveLength(4);
    const set = plan('  - login: all', { groups, vars, given: { n: 5, size: '3KiB' } });
    expect(set.peers).toHaveLength(7);
    expect(set.peers[0]?.share[0]?.sizeBytes).toBe(3072);
  });

  test('unknown ones are mistakes, in the file and on the command line', () => {
    expect(mistakes('  - search: {group: all, name: "${nme}"}', { groups, vars })).toContain(
      'unknown variable "nme". Known: n, size.',
    );
    expect(mistakes('  - login: all', { groups, vars, given: { sise: 1 } })).toContain(
      'there is no variable "sise" to set. Did you mean "size"?',
    );
  });
});

describe('expectations on', () => {
  const steps = '  - login: {group: all, as: entry}\n  - download: leechers';
  test.each([
    'groups.leechers.transfers.failed == 0',
    'peers.leechers-1.transfers.ok == 4',
    'steps.entry.latency == 0',
    'steps.entry.operations.login.latency.p99 < 5s',
    'fairness.jain > 80%',
    'directory.precision == 1',
    'metrics.peerlab_transfers_total{outcome="failed",direction="received"} == 0',
    'groups.seeders.metrics.peerlab_share_files == 12',
    'metrics.process_cpu_seconds_total < 100',
    'logs.errors == 0',
    'metrics.peerlab_transfers_total{outcome!="ok",reason=~"busy|no-.*",} == 0',
    'metrics.peerlab_transfer_first_byte_seconds_bucket{le="0.001"} >= 1',
    'metrics.foreign_total{any="}=="} == 0',
    'logs.matching("not found") == 0',
    'logs.matching("said (\\"no\\")") == 0',
    'failures.no-source == 0',
    'lab.lagSeconds < 1s',
    '{that: transfers.failed == 0, abort: true}',
    '{that: metrics.peerlab_directory_peers_online == 13, within: 5s}',
  ])('%s', (expectation) => {
    const text = expectation.startsWith('{') ? expectation : JSON.stringify(expectation);
    expect(mistakes(steps, { expect: text })).toBe(
      expectation.startsWith('steps.entry.latency')
        ? 'try.yaml:11:5: steps.entry.latency: there is no figure "latency". Known: operations, transfers, fairness, failures.'
        : '',
    );
  });

  test.each([
    ['groups.leecher.transfers.ok == 1', 'there is no group "leecher". Did you mean "leechers"?'],
    ['peers.nobody-1.transfers.ok == 1', 'there is no peer "nobody-1".'],
    ['steps.entri.transfers.ok == 1', 'no step has the name "entri" (as: entri). Did you mean "entry"?'],
    ['metrics.peerlab_transfer_total == 0', 'Did you mean "peerlab_transfers_total"?'],
    ['metrics.peerlab_transfers_total{outcom="x"} == 0', 'has no label "outcom". Did you mean "outcome"?'],
    ['metrics.peerlab_transfer_duration_seconds == 0', 'is a histogram'],
    ['metrics.peerlab_transfers_total{outcome=failed} > 0', 'at character 41: expected a text in quotes'],
    ['metrics.peerlab_transfers_total{outcome="faild"} > 0', 'is never "faild". Did you mean "failed"?'],
    ['metrics.peerlab_transfers_total{reason!="no-sorce"} > 0', 'Did you mean "no-source"?'],
    ['metrics.peerlab_transfers_total{reason=~"no-sorce.*"} > 0', 'the label "reason" is never "no-sorce.*"'],
    ['metrics.peerlab_transfers_total_count > 0', 'there is no metric "peerlab_transfers_total_count"'],
    ['metrics.peerlab_transfers_total{le="1"} > 0', 'has no label "le"'],
    ['metrics.toString == 0{a="b"}', 'expected a number'],
    ['groups.leechers.metrics.peerlab_directory_peers_online == 0', 'is a metric of the directory, not of peers'],
    ['transfers{outcome="ok"}.failed == 0', 'expected "<figure> <comparison> <value>"'],
    ['transfers.failed{outcome="ok"} == 0', 'only metrics have labels in braces'],
    ['failures.no-sorce == 0', 'there is no error code "no-sorce". Did you mean "no-source"?'],
    ['groups.leechers.failures.toString == 0', 'there is no error code "toString"'],
    ['peers.leechers-99.transfers.ok == 4', 'no peer "leechers-99": the plan has leechers-1 to leechers-10'],
    ['peers.leechers.transfers.ok == 4', '"leechers" is a group: expected the name of a peer, such as leechers-1'],
    ['peers.leechers-01.transfers.ok == 4', 'there is no peer "leechers-01"'],
    ['operations.wait.count == 0', 'no step of this scenario does "wait"'],
    ['logs.constructor == 0', 'expected logs.errors'],
    ['logs.erors == 0', 'expected logs.errors, logs.warnings or logs.matching("text")'],
    ['fairness == 1', 'expected a figure in it: jain, slowestToMedian'],
    ['verdict == 1', 'this is not a number'],
    ['groups.leechers.integrity.verified == 1', 'there is no figure "integrity"'],
    ['fairness.jain > 10MB', 'expected a number such as 0.9, or a percentage such as 90%, at most 1, got "10MB"'],
    ['transfers.throughputBytesPerSecond.p50 > 10MB', 'expected a rate such as 10MB/s'],
    ['transfers.bytes > 10MB/s', 'expected a size such as 64KiB'],
  ])('%s: a mistake', (expectation, message) => {
    expect(mistakes(steps, { expect: JSON.stringify(expectation) })).toContain(message);
  });

  test('operations are those that steps record, a churn its logins', () => {
    const churn = '  - login: all\n  - churn: {group: seeders, rate: 2/s, away: 1s, for: 9s, leave: logout}';
    expect(mistakes(churn, { expect: 'operations.logout.failed == 0' })).toBe('');
    expect(mistakes(churn, { expect: 'operations.churn.failed == 0' })).toContain('does "churn"');
  });

  test('an expect step on a peer beyond the plan is a mistake too', () => {
    const beyond = '  - expect: peers.seeders-4.transfers.ok == 4';
    expect(mistakes(`${steps}\n${beyond}`)).toContain('the plan has seeders-1 to seeders-3');
  });

  test('figures that are known only at the end can not be held before', () => {
    expect(mistakes(steps, { expect: '{that: integrity.mismatched == 0, abort: true}' })).toContain(
      'is known only at the end',
    );
    expect(mistakes(`${steps}\n  - expect: directory.precision == 1`)).toContain('is known only at the end');
    expect(mistakes(`${steps}\n  - expect: transfers.faild == 0`)).toMatch(
      /^try.yaml:10:\d+: transfers.faild: there is no figure "faild"/,
    );
  });
});

describe('the JSON Schema', () => {
  const validate = new Ajv2020({ strict: false }).compile(scenarioJsonSchema());

  test('takes every scenario of the library', () => {
    for (const name of libraryNames()) {
      const text = readFileSync(path.join(LIBRARY, `${name}.yaml`), 'utf8');
      expect([name, validate(parse(text)), validate.errors]).toEqual([name, true, null]);
    }
  });

  test.each([
    'name: try\ndescription: d\ngroups: {s: {}}\nsteps: [{logn: all}]\nexpect: [x]',
    'name: try\ndescription: d\ngroups: {s: {cont: 3}}\nsteps: [{login: all}]\nexpect: [x]',
    'name: try\ndescription: d\ngroups: {s: {}}\nsteps: [{login: all}]',
    'name: try\ndescription: d\ngroups: {s: {}}\nsteps: [{repeat: {times: 2, steps: [{logn: all}]}}]\nexpect: [x]',
  ])('refuses %j', (text) => {
    expect(validate(parse(text))).toBe(false);
  });
});

/** With a disk that can be filled, and a peer that can lie. */
const ALL_KINDS = `${GROUPS.replace('{count: 10}', '{count: 10, limits: {disk: 64MB}}')}\n  liars: {double: byzantine-peer}`;

test('the example of every step is right', () => {
  for (const { verb, example } of STEPS.values()) {
    const steps = `  - ${example.replaceAll('\n', '\n  ')}${verb === 'login' ? '' : '\n  - login: seeders'}`;
    expect([verb, mistakes(steps, { groups: ALL_KINDS })]).toEqual([verb, '']);
  }
});

/** A whole scenario around what an example shows. */
function completed(example: unknown): string {
  const base = {
    name: 'try',
    description: 'd',
    groups: {
      seeders: { count: 3, share: { files: 4, size: '1KiB', copies: 'all' } },
      leechers: { count: 2, limits: { disk: '64MB' } },
      latecomers: { later: true },
      liars: { double: 'byzantine-peer' },
    },
    steps: [{ login: 'all' }, { download: 'leechers' }],
    expect: ['transfers.failed == 0'],
  };
  if (Array.isArray(example)) return stringify({ ...base, steps: [...example, { login: 'seeders' }] });
  const { share, groups, ...rest } = example as Record<string, unknown>;
  if ('name' in rest) return stringify({ groups, ...rest });
  const shared = share === undefined ? {} : { seeders: { count: 3, share } };
  return stringify({ ...base, ...rest, groups: { ...base.groups, ...FIRST_GROUPS, ...shared, ...(groups as object) } });
}

/** The groups that the guide's own steps are about. */
const FIRST_GROUPS = {
  owner: { share: { files: 3, size: '1MiB' } },
  friends: { count: 3 },
  latecomer: { later: true },
};

test.each(['README.md', 'docs/writing-scenarios.md', 'docs/scenarios.md', 'docs/faults.md'])(
  'every YAML example in %s is right',
  (page) => {
    const text = readFileSync(path.join(LIBRARY, '..', page), 'utf8');
    const examples = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml as string);
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const whole = completed(parse(example));
      // An expectation may be about steps that the example does not show.
      const withSteps =
        /steps\.late/.test(whole) && !/as: late/.test(whole)
          ? whole.replace('download: leechers', 'download: {group: leechers, as: late}')
          : whole;
      expect(() => makePlan(readScenario(withSteps, path.join(LIBRARY, 'docs.yaml'))), example).not.toThrow();
    }
  },
);

test('every scenario of the library is right, and says its question first', () => {
  for (const name of libraryNames()) {
    const file = path.join(LIBRARY, `${name}.yaml`);
    expect(() => makePlan(readScenarioFile(file))).not.toThrow();
    expect(readScenarioFile(file).name).toBe(name);
    expect(readFileSync(file, 'utf8').split('\n')[0]).toMatch(/^# .*\?$/);
  }
});
