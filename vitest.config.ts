import { defineConfig } from 'vitest/config';

/**
 * Tests that start whole runs, and mostly wait for them. They come after the others, so that those have the processors for
 * themselves; the folder of its own that each file gets keeps two of them apart.
 */
const HOST = [
  'dev/setup.test.ts',
  'lab/main*.test.ts',
  'lab/drivers/**/*.test.ts',
  'lab/watchdog/**/*.test.ts',
  'lab/doubles/do-nothing-peer.test.ts',
  // x.<driver>.test.ts
  '**/*.*.test.ts',
];
const OWN_TMPDIR = ['dev/own-tmpdir.ts'];
const NEVER = ['node_modules/**', 'dist/**', '.node/**', 'results/**'];
/** dev/test.ts sets it to the drivers that have nothing to stand on here, and names what is left out. */
for (const kind of process.env.PEERLAB_WITHOUT_DRIVERS?.split(',').filter(Boolean) ?? [])
  NEVER.push(`**/*.${kind}.test.ts`);

export default defineConfig({
  test: {
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
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
