import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Demand, Trial } from './trial.ts';

/**
 * PROBES: scenarios that are not in the library because nobody wants their answer; they are there to be noticed. Most must fail, and
 * a lab that lets them pass is broken.
 */

const DO_NOTHING = 'node lab/doubles/do-nothing-peer.ts';
const FALSE_WITNESS = 'node lab/doubles/false-witness.ts';

const failsBy = (because: string): Demand => ({ verdict: 'fail', because });

/** By the name of the file in this folder's probes/. */
const PROBES: Readonly<Record<string, Omit<Trial, 'scenario'>>> = {
  'broken-promise': { unbroken: failsBy('operations.login.ok == 2') },
  'broken-step-promise': { unbroken: failsBy('step 2: operations.login.ok == 2') },
  'missing-figure': { unbroken: { verdict: 'inconclusive' } },
  'missing-metric': { peer: DO_NOTHING, unbroken: { verdict: 'inconclusive' } },
  'garbled-metric': { peer: FALSE_WITNESS, unbroken: { verdict: 'inconclusive' } },
  'no-expectations': { unbroken: { verdict: 'refused' } },
  'misspelt-code': { unbroken: { verdict: 'refused' } },
  'failing-step': { unbroken: failsBy('operations.search.failed == 0') },
  'late-for-the-barrier': { unbroken: failsBy('barriers met') },
  'empty-claims': { peer: DO_NOTHING, unbroken: failsBy('integrity') },
  'empty-answers': { peer: DO_NOTHING, unbroken: failsBy('directory tells the truth') },
  garbage: { peer: FALSE_WITNESS, unbroken: failsBy('integrity') },
  translated: { peer: FALSE_WITNESS, unbroken: { verdict: 'inconclusive' } },
  'odd-thing': { peer: FALSE_WITNESS, unbroken: failsBy('integrity') },
  ghosts: { peer: FALSE_WITNESS, unbroken: failsBy('directory tells the truth') },
  'false-counters': { peer: FALSE_WITNESS, unbroken: failsBy('bytes agree') },
  'false-sources': { unbroken: failsBy('bytes agree') },
  'early-exit': { peer: FALSE_WITNESS, unbroken: failsBy('instances lived') },
  'stubborn-end': { peer: FALSE_WITNESS, unbroken: failsBy('ended in order') },
  'bad-end': { peer: FALSE_WITNESS, unbroken: failsBy('exit codes') },
  'no-goodbye': { unbroken: failsBy('ended in order') },
  'brief-faults': { unbroken: { verdict: 'pass' } },
  'torn-network': { driver: 'docker', unbroken: { verdict: 'pass' } },
  'short-lease': { unbroken: { verdict: 'pass' } },
  'silent-sources': { unbroken: { verdict: 'pass' } },
  'endless-source': { unbroken: { verdict: 'pass' } },
  'late-answer': { unbroken: { verdict: 'pass' } },
};

/** A probe, or a scenario of the library: those pass. Undefined when there is none of this name in the tree. */
export function trialOf(name: string, root: string): Trial | undefined {
  const probe = PROBES[name];
  const file = probe ? path.join('dev', 'mutants', 'probes', `${name}.yaml`) : path.join('scenarios', `${name}.yaml`);
  if (!existsSync(path.join(root, file))) return undefined;
  return { unbroken: { verdict: 'pass' }, ...probe, scenario: file };
}
