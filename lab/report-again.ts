import { reasonOf } from '#proto/errors.ts';
import type { Result } from './checks/result-schema.ts';
import type { ResultsFolder } from './history/results-folder.ts';
import { type Judging, writeReport } from './report/write-report.ts';
import { readScenarioFile } from './scenario/find.ts';

/**
 * Judges a run again, from the files of its results folder alone, in whatever state they are.
 * @throws PeerLabError `bad-results` when it is not the folder of a run, `results-damaged` when nothing is known of the run
 */
export async function reportAgain(folder: ResultsFolder): Promise<Result> {
  folder.readFacts(); // What is not the folder of a run is a mistake, whatever else lies in it.
  return writeReport(folder, judgingOf(folder));
}

/** What the scenario of a run demands. One that can't be read any more demands nothing, and is a flaw of the files. */
function judgingOf(folder: ResultsFolder): Judging {
  try {
    const scenario = readScenarioFile(folder.file('scenario.yaml'));
    if (scenario.flaws.length > 0) throw scenario.invalid(scenario.flaws);
    return scenario;
  } catch (error) {
    return { demands: [], damage: [`scenario.yaml can't be read: ${reasonOf(error).split('\n')[0]}`] };
  }
}
