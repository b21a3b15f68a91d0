import { isMap, isScalar, type LineCounter, type Node, type Pair, type YAMLMap } from 'yaml';
import type { Flaw, Mistake } from '../language/mistake.ts';

/** Where in the text a flaw stands; when its path leads nowhere (a key is missing), the last place on the way. */
export function locate(root: unknown, lines: LineCounter, flaw: Flaw): Mistake {
  return { ...placeOf(lines, offsetOf(root, flaw)), message: flaw.message };
}

export function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** By key; kept, because a file may have thousands of mistakes in one map. */
const known = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();

function pairsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
  const pairs = known.get(map) ?? new Map(map.items.map((item) => [keyOf(item), item]));
  known.set(map, pairs);
  return pairs;
}

const keyOf = ({ key }: Pair) => String(isScalar(key) ? key.value : key);

function offsetOf(root: unknown, { path, atKey }: Flaw): number {
  let node = root as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = pairsOf(node).get(String(key));
      if (!pair) return offset;
      const keyNode = pair.key as Node;
      node = pair.value as Node | null;
      offset = (last && atKey ? keyNode.range?.[0] : (node?.range?.[0] ?? keyNode.range?.[0])) ?? offset;
    } else {
      node = ((node as { items?: unknown[] } | null)?.items?.[key as number] as Node | undefined) ?? null;
      offset = node?.range?.[0] ?? offset;
    }
  }
  return offset;
}
