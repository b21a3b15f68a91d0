import { OUTSIDE, type Reach } from '../drivers/driver.ts';
import { ALL } from '../history/events.ts';
import type { Fault, Look, Subject } from './fault.ts';
import { probe } from './probe.ts';
import { lookUntil, networkOf } from './surroundings.ts';

/** Beside those who are cut off from all the world, so many others are asked: each look takes them all. */
const MAX_WITNESSES = 4;
const CONTROL_TIMEOUT_MS = 2000;
/** A packet that was under way when the cut was made. */
const SETTLE_MS = 1000;

/** Nothing passes between the instance and whom it is cut from; connections stay open and silent. The lab reaches it all the same. */
export const cut: Fault<'cut'> = {
  befalls: 'surroundings',
  ends: false,
  async apply({ from }, { instance, others }) {
    await networkOf(instance).impose({ cutFrom: from === ALL ? 'all' : others(from) });
  },
  async lift(_, { instance }) {
    await networkOf(instance).impose({ cutFrom: undefined });
    return instance;
  },
  look({ from }, subject, when, withinMs) {
    const isCut = when === 'during';
    return lookUntil(() => look(from, subject, isCut), isCut ? SETTLE_MS : withinMs);
  },
};

async function look(from: string, { instance, witnesses }: Subject, isCut: boolean): Promise<Look> {
  const there = witnesses(from);
  const asked = from === ALL ? [OUTSIDE, ...there.slice(0, MAX_WITNESSES)] : there;
  const [reached, control] = await Promise.all([
    asked.length > 0
      ? networkOf(instance).reaches(asked as Parameters<ReturnType<typeof networkOf>['reaches']>[0])
      : [],
    probe(instance.url, CONTROL_TIMEOUT_MS),
  ]);
  // Who ended, or was cut off by itself, while it was asked says nothing of this cut.
  const still = new Set([OUTSIDE, ...witnesses(from).map(({ name }) => name)]);
  const seen = reached.filter(({ name }) => still.has(name));
  const ways = seen.flatMap(waysOf);
  const open = ways.filter((way) => way.open);
  const figures = { ways: ways.length, open: open.length };
  const wanted = `${isCut ? 'no way' : 'every way'} open, the control port answers`;
  const isRight = isCut ? open.length === 0 : open.length === ways.length;
  const odd = ways.filter((way) => way.open === isCut).map(({ name }) => name);
  const ok = ways.length > 0 && isRight && control === 'answers';
  const counted = `${open.length} of ${ways.length} ways open`;
  const which = odd.length > 0 ? ` (${isCut ? 'open' : 'closed'}: ${odd.slice(0, 3).join(', ')})` : '';
  return { wanted, seen: `${counted}${which}, the control port ${control}`, ok, figures };
}

function waysOf({ name, to, back }: Reach): { name: string; open: boolean }[] {
  return [{ name: `to ${name}`, open: to }, ...(back === undefined ? [] : [{ name: `from ${name}`, open: back }])];
}
