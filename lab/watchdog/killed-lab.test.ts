import { processSweeper } from '../drivers/process/sweeper.ts';
import { describeKilledLab, MOMENTS } from './killed-lab.ts';

describeKilledLab({
  driver: 'process',
  moments: MOMENTS,
  tracesOf: async (runId) => (await processSweeper.find(runId)).map(({ what }) => what),
});
