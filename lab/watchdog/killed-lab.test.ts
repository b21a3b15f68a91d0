import { driverOf } from '../drivers/table.ts';
import { describeKilledLab } from './killed-lab.contract.ts';

describeKilledLab({
  driver: 'process',
  tracesOf: async (runId) => (await driverOf('process').sweeper.find(runId)).map(({ what }) => what),
});
