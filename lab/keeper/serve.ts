import { EXIT, reasonOf } from '#proto/errors.ts';
import { Keeper } from './keeper.ts';
import { createKeeperServer } from './server.ts';
import { settingsOf } from './settings.ts';

/** A level of pino. */
const INFO = 30;

/** Wires a keeper up with this process. @throws PeerLabError `bad-setting` */
export function serve(command: readonly string[], env: NodeJS.ProcessEnv, isIdle: boolean): void {
  const settings = settingsOf(env);
  // A reader of the output that goes away is no reason to end a peer.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const keeper = new Keeper({ settings, command, isIdle, over: (exitCode) => process.exit(exitCode), tell });
  const server = createKeeperServer({ keeper, settings });
  server.on('error', (error) => {
    process.stderr.write(`The keeper can not listen at ${settings.host}:${settings.port}: ${reasonOf(error)}\n`);
    void keeper.close().then(() => process.exit(EXIT.usage));
  });
  server.listen(settings.port, settings.host, () => {
    const { port } = server.address() as { port: number };
    tell(`keeps ${command.join(' ')}, and listens at port ${port}`);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => void keeper.close().then((exitCode) => process.exit(exitCode)));
  keeper.begin();
}

/** In the form of the services' own lines, beside which it stands. */
function tell(msg: string): void {
  const line = { level: INFO, time: new Date().toISOString(), name: 'keeper', msg };
  process.stderr.write(`${JSON.stringify(line)}\n`);
}
