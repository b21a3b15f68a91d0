import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Tests that start whole runs, and mostly wait for them, so more of them run at one time. They come after the others, so
 * that those have the processors for themselves; the folder of its own that each file gets keeps them apart.
 */
const HOST = [
  'dev/setup.test.ts',
  'lab/main*.test.ts',
  'lab/drivers/**/*.test.ts',
  'lab/watchdog/**/*.test.ts',
  'lab/doubles/do-nothing-peer.test.ts',
  // x.<kind>.test.ts
  '**/*.*.test.ts',
];
/** Begun before the others, longest first: what takes a minute or more must not be alone at the end. The test command names them. */
const LONG = [
  'examples/course.examples.test.ts',
  'lab/doubles/do-nothing-peer.test.ts',
  'lab/drivers/process/process-driver.test.ts',
  'lab/drivers/docker/docker-driver.docker.test.ts',
  'lab/drivers/standing/standing-driver.test.ts',
  'lab/watchdog/killed-lab.docker.test.ts',
  'lab/main.docker.test.ts',
  'lab/conformance/variants.processes.test.ts',
  'lab/main.language.test.ts',
  'images/directory/storage/postgres-store.postgres.test.ts',
  'dev/setup.test.ts',
  'images/directory/replicas.postgres.test.ts',
  'lab/drivers/process/replicas.postgres.test.ts',
  'lab/main.trouble.test.ts',
  'images/peer/client/real-failures.test.ts',
];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/${name}`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}
const OWN_TMPDIR = ['dev/own-tmpdir.ts'];
const NEVER = ['node_modules/**', 'dist/**', '.node/**', 'results/**'];
/** dev/test.ts sets it to the kinds of tests that have nothing to stand on here, and names what is left out. */
for (const kind of process.env.PEERLAB_WITHOUT_KINDS?.split(',').filter(Boolean) ?? [])
  NEVER.push(`**/*.${kind}.test.ts`);

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          setupFiles: OWN_TMPDIR,
          exclude: [...NEVER, ...HOST],
          maxWorkers: 2,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'host',
          include: HOST,
          setupFiles: OWN_TMPDIR,
          exclude: NEVER,
          maxWorkers: 4,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
