import { OUTSIDE, type Reach } from '../drivers/driver.ts';
import { ALL } from '../history/events.ts';
import type { Fault, Look, Subject } from './fault.ts';
import { probe } from './probe.ts';
import { lookUntil, networkOf } from './surroundings.ts';

/** Beside those who are cut off from all the world, this number of others is asked: each look takes them all. */
const MAX_WITNESSES = 4;
const CONTROL_TIMEOUT_MS = 2000;
/** A packet that was under way when the cut was made. */
const SETTLE_MS = 1000;

/** Nothing passes between the instance and whom it is cut from; connections stay open and silent. The lab reaches it all the same. */
export const cut: Fault<'cut'> = {
  hits: 'surroundings',
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
    // Where packets are lost, too, not every way is seen open at the same time.
    const seenOpen = new Set<string>();
    return lookUntil(() => look(from, subject, isCut, isCut ? new Set() : seenOpen), isCut ? SETTLE_MS : withinMs);
  },
};

/** @param seenOpen ways that were open at an earlier look, or are at this one */
async function look(
  from: string,
  { instance, witnesses }: Subject,
  isCut: boolean,
  seenOpen: Set<string>,
): Promise<Look> {
  const there = witnesses(from);
  const asked = from === ALL ? ([OUTSIDE, ...there.slice(0, MAX_WITNESSES)] as const) : there;
  const [reached, control] = await Promise.all([
    asked.length > 0 ? networkOf(instance).reaches(asked) : [],
    probe(instance.url, CONTROL_TIMEOUT_MS),
  ]);
  // Who ended, or was cut off by itself, while it was asked says nothing of this cut.
  const still = new Set([OUTSIDE, ...witnesses(from).map(({ name }) => name)]);
  const ways = reached.filter(({ name }) => still.has(name)).flatMap(waysOf);
  for (const { name } of ways.filter(({ open }) => open)) seenOpen.add(name);
  const open = ways.filter(({ name }) => seenOpen.has(name));
  const odd = isCut ? open : ways.filter(({ name }) => !seenOpen.has(name));
  const which =
    odd.length > 0
      ? ` (${isCut ? 'open' : 'closed'}: ${odd
          .slice(0, 3)
          .map(({ name }) => name)
          .join(', ')})`
      : '';
  return {
    wanted: `${isCut ? 'no way' : 'every way'} open, the control port answers`,
    seen: `${open.length} of ${ways.length} ways open${which}, the control port ${control}`,
    ok: ways.length > 0 && odd.length === 0 && control === 'answers',
    figures: { ways: ways.length, open: open.length },
  };
}

function waysOf({ name, to, back }: Reach): { name: string; open: boolean }[] {
  return [{ name: `to ${name}`, open: to }, ...(back === undefined ? [] : [{ name: `from ${name}`, open: back }])];
}
