import type { DriverDescription } from '../drivers/description.ts';
import type { Program, Tested } from '../drivers/program.ts';
import type { Plan } from '../scenario/plan.ts';

/** The programs of the user's own: an image or a command, as the driver takes it. */
export interface OwnPrograms {
  readonly peerImage?: string | undefined;
  readonly directoryImage?: string | undefined;
}

/** What is known of PeerLab's own program before it is built. */
const OWN: Program = { name: 'peerlab' };

/**
 * Looks for every program that plans will run, before anything is started: each once.
 * @throws PeerLabError `no-program`, for the first that is not there
 */
export async function findPrograms(
  { find }: DriverDescription,
  { peerImage, directoryImage }: OwnPrograms,
  plans: readonly Pick<Plan, 'peers'>[],
): Promise<Tested[]> {
  const asked = async (role: Tested['role'], what: string | undefined): Promise<Tested> =>
    what === undefined ? { role, ...OWN } : { role, asked: what, ...(await find(what)) };
  const ofGroups = [...new Set(plans.flatMap(({ peers }) => peers.flatMap(({ image }) => image ?? [])))];
  return [
    await asked('directory', directoryImage),
    await asked('peer', peerImage),
    ...(await Promise.all(ofGroups.map((image) => asked('peer', image)))),
  ];
}
