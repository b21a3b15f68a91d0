import type { Fault, Look, Subject } from './fault.ts';
import { lookUntil, networkOf } from './surroundings.ts';

/** The number of losses expected in each direction: enough that none at all, or twice the number, is no chance. */
const LOSSES_EXPECTED = 40;
const MIN_PACKETS = 400;
/** How far off the measured part may be, in standard deviations of its chance: a good one is further off once in 15,000 looks. */
const DEVIATIONS = 4;

/** Each packet, either way, is lost with the same probability. */
export const lose: Fault<'lose'> = {
  hits: 'surroundings',
  ends: false,
  apply: ({ percent }, { instance }) => networkOf(instance).impose({ lossFraction: percent / 100 }),
  async lift(_, { instance }) {
    await networkOf(instance).impose({ lossFraction: undefined });
    return instance;
  },
  look({ percent }, subject, when, withinMs) {
    const packets = packetsFor(percent / 100);
    if (when === 'during') return look(subject, percent / 100, packets);
    return lookUntil(() => look(subject, 0, packets), withinMs);
  },
};

function packetsFor(fraction: number): number {
  return Math.max(MIN_PACKETS, Math.ceil(LOSSES_EXPECTED / fraction));
}

async function look({ instance }: Subject, fraction: number, packets: number): Promise<Look> {
  const { up, down } = await networkOf(instance).measureLoss(packets);
  const margin = DEVIATIONS * Math.sqrt((fraction * (1 - fraction)) / packets);
  const isRight = (lost: number) => Math.abs(lost - fraction) <= margin;
  return {
    wanted: `${percentText(fraction)} ± ${percentText(margin)} of ${packets} packets lost each way`,
    seen: `${percentText(up)} lost up, ${percentText(down)} down`,
    ok: isRight(up) && isRight(down),
    figures: { percentUp: round(up * 100), percentDown: round(down * 100), packets },
  };
}

function percentText(fraction: number): string {
  return `${round(fraction * 100)} %`;
}

function round(percent: number): number {
  return Math.round(percent * 100) / 100;
}
