import type { RunFacts } from '../history/events.ts';
import { Conductor, type RunInit } from './conductor.ts';

/**
 * Plays a plan: starts everything, takes the steps, reads the disks, ends everything. What happened is in the results
 * folder, and what kept it from going on is in `trouble`: this never throws for what the system under test, the engine or
 * the user does.
 */
export async function run(init: RunInit): Promise<RunFacts> {
  const conductor = new Conductor(init);
  try {
    init.beforeMaking();
    await conductor.setUp();
    await conductor.takeSteps();
    await conductor.readDisks();
  } catch (error) {
    conductor.trouble(init.signal.aborted ? init.signal.reason : error);
  }
  await conductor.close();
  return conductor.cleanUp();
}
