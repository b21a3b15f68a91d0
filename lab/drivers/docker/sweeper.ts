import { PeerLabError } from '#proto/errors.ts';
import type { Sweeper, Trace } from '../sweeper.ts';
import { type EngineInfo, findEngine } from './engine.ts';

/** By the label `peerlab.run`. Cheap to import: the Docker libraries are loaded when there is something to be done. */
export const dockerSweeper: Sweeper = {
  settleMs: 3000,

  async find(runId?: string): Promise<Trace[]> {
    const engine = await answering();
    const [{ EngineConnection }, { findTraces }] = await Promise.all([import('./connection.ts'), import('./sweep.ts')]);
    return findTraces(new EngineConnection(engine), runId);
  },

  async sweep(runId: string, logsDir?: string): Promise<string[]> {
    try {
      const { sweep } = await import('./sweep.ts');
      // Stopped, not killed: what the services say at their end is of use to whoever asks what happened.
      return await sweep(await answering(), runId, logsDir, new AbortController().signal);
    } catch (error) {
      return [`what carries the label peerlab.run=${runId} may still be there: ${error}`];
    }
  },
};

/** @throws PeerLabError `no-engine` */
async function answering(): Promise<EngineInfo> {
  const engine = await findEngine();
  if (typeof engine === 'string') throw new PeerLabError('no-engine', { got: engine });
  return engine;
}
