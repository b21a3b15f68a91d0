import { processSweeper } from '../drivers/process/sweeper.ts';
import { describeKilledLab } from './killed-lab.contract.ts';

describeKilledLab({
  driver: 'process',
  tracesOf: async (runId) => (await processSweeper.find(runId)).map(({ what }) => what),
});
