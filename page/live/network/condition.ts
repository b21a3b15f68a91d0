import type { Instance, Scene } from '../../model/scene.ts';

/** How a peer is, as far as everybody should see it: the worst thing counts. `over`: the run is, and so is its life. */
export type Condition =
  | 'in'
  | 'out'
  | 'starting'
  | 'dead'
  | 'frozen'
  | 'lying'
  | 'double'
  | 'cut'
  | 'slow'
  | 'full'
  | 'over';

const DEADLY = ['kill', 'stop', 'evict', 'drain'];
/** What runs in the place of a peer's program, and breaks the rules on purpose. */
const DOUBLE = /^double: /;

export function conditionOf({ life, faults, loggedIn, program }: Instance, stage: Scene['stage']): Condition {
  if (life === 'ended' && (stage === 'closing' || stage === 'over')) return 'over';
  if (life === 'lost' || life === 'ended' || DEADLY.some((kind) => faults.has(kind))) return 'dead';
  if (faults.has('freeze')) return 'frozen';
  if (faults.has('lie')) return 'lying';
  if (faults.has('cut')) return 'cut';
  if (faults.has('limit') || faults.has('delay') || faults.has('lose')) return 'slow';
  if (faults.has('fill')) return 'full';
  if (program !== undefined && DOUBLE.test(program)) return 'double';
  if (life === 'planned' || life === 'starting') return 'starting';
  return loggedIn ? 'in' : 'out';
}

/** What is wrong is told by a sign, too, and not by colour alone. */
export const SIGNS: Readonly<Partial<Record<Condition, string>>> = {
  ...{ dead: '✕', frozen: '‖', lying: '!', double: '!', cut: '⊘', slow: '▼', full: '■' },
};
