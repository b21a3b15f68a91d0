import type { Carrier, Surveyed } from '../drivers/description.ts';
import type { Finding, PreflightCheck } from '../machine/check.ts';
import type { DriverSurvey } from './candidates.ts';
import type { Refusal } from './needs.ts';

/** Is what a run stands on there: Node, kernel, what drivers stand on, and the abilities that the scenario asks for. */

const LEAST_NODE = 24;

export const node: PreflightCheck = {
  name: 'node',
  judge({ node }) {
    const isEnough = Number.parseInt(node, 10) >= LEAST_NODE;
    const needed = `${LEAST_NODE} or newer`;
    return isEnough
      ? { state: 'ok', found: node, needed }
      : {
          state: 'lacking',
          found: node,
          needed,
          fix: 'start the lab with bin/lab or make: they bring their own Node',
        };
  },
};

export const kernel: PreflightCheck = {
  name: 'kernel',
  judge({ system: { platform, release } }) {
    if (platform === 'linux') return { state: 'ok', found: `Linux ${release}` };
    return {
      state: 'unknown',
      found: `${platform} ${release}`,
      fix: 'most limits can only be read on Linux, and there are no figures of CPU and memory of processes',
    };
  },
};

/** Drivers that stand on something that has to answer: does it? @param asked the driver that was asked for, or `auto` */
export function carriers(asked: string, surveys: readonly DriverSurvey[]): PreflightCheck[] {
  return surveys.flatMap(({ driver: { kind, carrier }, found }) =>
    carrier ? [{ name: carrier.name, judge: () => judgeCarrier(carrier, asked === kind, found) }] : [],
  );
}

function judgeCarrier({ help }: Carrier, isNeeded: boolean, found: Surveyed | string): Finding {
  if (typeof found !== 'string') return { state: 'ok', found: found.what };
  if (!isNeeded) return { state: 'unknown', found, fix: `another driver does without it; to have it, ${help}` };
  return { state: 'lacking', found, needed: 'one that answers', fix: `${help}, or take another --driver` };
}

export function abilities(refusals: readonly Refusal[]): PreflightCheck {
  return { name: 'abilities', judge: () => judgeAbilities(refusals) };
}

function judgeAbilities(refusals: readonly Refusal[]): Finding {
  if (refusals.length === 0) return { state: 'ok', found: 'all that the scenario asks for' };
  return {
    state: 'lacking',
    found: refusals.map(({ why }) => why).join('; '),
    needed: refusals.map(({ where, need }) => `${need} (${where})`).join('; '),
    fix: [...new Set(refusals.map(({ help }) => help))].join('; or '),
  };
}
