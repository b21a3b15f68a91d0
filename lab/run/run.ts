import { toPeerLabError } from '#proto/errors.ts';
import type { RunFacts } from '../history/events.ts';
import { Course, type RunInit } from './course.ts';

/**
 * Plays a plan: starts everything, takes the steps, reads the disks, ends everything. What happened is in the results
 * folder, and what kept it from going on is in `trouble`: this never throws for what the system under test, the engine or
 * the user does.
 */
export async function run(init: RunInit): Promise<RunFacts> {
  const { driver, progress } = init;
  const course = new Course(init);
  try {
    init.beforeMaking();
    await course.setUp();
    await course.takeSteps();
    await course.readDisks();
  } catch (error) {
    course.trouble(toPeerLabError(init.signal.aborted ? init.signal.reason : error));
  }
  await course.close();
  progress.begin('Clean up');
  const leftovers = await driver.end(true);
  progress.end();
  return course.facts(leftovers);
}
