import { isMap, isPair, isScalar, type LineCounter, type Node } from 'yaml';
import type { Flaw, Mistake } from '../language/mistake.ts';

/** Where in the text a flaw stands; when its path leads nowhere (a key is missing), the last place on the way. */
export function locate(root: unknown, lines: LineCounter, flaw: Flaw): Mistake {
  return { ...placeOf(lines, offsetOf(root, flaw)), message: flaw.message };
}

export function placeOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function offsetOf(root: unknown, { path, atKey }: Flaw): number {
  let node = root as Node | null;
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, key] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && String(isScalar(item.key) ? item.key.value : item.key) === String(key),
      );
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
