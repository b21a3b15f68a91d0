import { defineConfig } from 'vitest/config';

/** Tests that start whole runs compare the host before and after: one file at a time, after the others. */
const HOST = [
  'lab/main*.test.ts',
  'lab/drivers/**/*.test.ts',
  'lab/watchdog/**/*.test.ts',
  'lab/doubles/do-nothing-peer.test.ts',
  '**/*.docker.test.ts',
];
const NEVER = ['node_modules/**', 'dist/**', '.node/**', 'results/**'];
/** dev/test.ts sets it where no engine answers, and names what is left out. */
if (process.env.PEERLAB_WITHOUT_DOCKER === '1') NEVER.push('**/*.docker.test.ts');

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
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
          exclude: NEVER,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
