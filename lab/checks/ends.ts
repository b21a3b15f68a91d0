import { type Check, noneWrong } from './check.ts';

/** From this share of the time on, somebody always waits for a processor: an end may take longer than it is given. */
const SATURATED = 0.8;

/** An end that is not as it should be. */
export interface BadEnd {
  /** How scarce processors were then, from 0 to 1; absent where the kernel does not tell. */
  readonly cpuPressure?: number | undefined;
  readonly told: string;
}

/** A machine that is too busy is not the fault of who ran on it: where there was no processor to spare, nobody is blamed. */
export function judgeEnds(ends: readonly BadEnd[], passed: string): ReturnType<Check['judge']> {
  const hadNoTime = ({ cpuPressure = 0 }: BadEnd) => cpuPressure >= SATURATED;
  const starved = ends.filter(hadNoTime);
  const judged = noneWrong(
    ends.filter((end) => !hadNoTime(end)).map(({ told }) => told),
    passed,
  );
  const [first] = starved;
  if (judged.verdict === 'fail' || !first) return judged;
  const share = Math.round((first.cpuPressure ?? 0) * 100);
  return {
    verdict: 'inconclusive',
    reason: `the machine is saturated (programs waited for a processor in ${share} % of the time): ${first.told}`,
    details: starved.map(({ told }) => told),
  };
}
