import { counted } from '#proto/units.ts';
import type { Result } from '../checks/result-schema.ts';
import { bytes, seconds } from './format.ts';

type Crowd = NonNullable<Result['swarm']>['crowds'][number];

/** Crowds that are told on the terminal and in summary.md; result.json has more. */
const MAX_CROWDS = 3;

/** How crowds helped themselves: two lines for each, where the figures are known. */
export function swarmLines({ swarm }: Result): string[] {
  const crowds = (swarm?.crowds ?? []).slice(0, MAX_CROWDS);
  return [...crowds.flatMap((crowd) => [timeLine(crowd), ...shareLines(crowd)]), ...baselineLines(swarm)];
}

function baselineLines(swarm: Result['swarm']): string[] {
  const { baseline, baselineSeconds, baselineSpeedup } = swarm ?? {};
  if (!baseline) return [];
  if (baselineSeconds === undefined || baselineSpeedup === undefined) return [baseline.missing ?? 'no baseline'];
  const without = `${seconds(baselineSeconds)} until the last where peers give nothing on while they fetch`;
  return [`${without} (run ${baseline.runId}): ${times(baselineSpeedup)} as fast by swarming`];
}

function timeLine({ peers, contents, lastSeconds = 0, boundSeconds, ratio, speedup, missing }: Crowd): string {
  const [first] = contents;
  const more = contents.length > 1 ? ` and ${contents.length - 1} more` : '';
  const what = `"${first?.name}" (${bytes(first?.size ?? 0)})${more}, ${counted(peers, 'peer')}`;
  const took = `${what}: ${seconds(lastSeconds)} until the last`;
  if (boundSeconds === undefined || ratio === undefined || speedup === undefined)
    return `${took}; no bound is known: ${missing.ratio}`;
  return `${took}, ${times(ratio)} the bound of ${seconds(boundSeconds)}, ${times(speedup)} as fast as the seeders alone`;
}

function shareLines({ offload, seederCopies, fairness }: Crowd): string[] {
  if (offload === undefined || seederCopies === undefined) return [];
  const fair = fairness === undefined ? '' : `; fairness ${fairness.toFixed(2)}`;
  return [
    `${(offload * 100).toFixed(0)} % came from the crowd, the seeders gave ${times(seederCopies)} the content${fair}`,
  ];
}

function times(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} ×`;
}
