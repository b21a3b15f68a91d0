import { LimitedDisk } from '../agent/limited-disk.ts';
import type { EngineConnection } from './connection.ts';
import type { Disturber } from './disturber.ts';
import { FAULT_ROLE, labelsOf } from './labels.ts';
import { SHARE_DIR } from './share-volume.ts';

/**
 * A share's volume with an end: a file system in memory, which ends with its last mount, and so is held by a container from before the
 * share is copied into it to the end of the run.
 */
export async function makeShareDisk(
  engine: EngineConnection,
  disturber: Disturber,
  { runId, name, volume, sizeBytes }: { runId: string; name: string; volume: string; sizeBytes: number },
): Promise<LimitedDisk> {
  const created = engine.docker.createVolume({
    Name: volume,
    Driver: 'local',
    DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: `size=${sizeBytes},mode=0755,nosuid,nodev,noexec` },
    Labels: labelsOf(runId, FAULT_ROLE, name),
  });
  await engine.call(`create the volume ${volume}`, created);
  const holder = await disturber.onVolume(`disk-${name}`, volume, sizeBytes);
  const start = (command: readonly string[]) => disturber.onVolume(`fill-${name}`, volume, sizeBytes, command);
  return new LimitedDisk({ name: volume, folder: SHARE_DIR, holder, start });
}
