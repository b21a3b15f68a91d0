import type { V1Pod } from '@kubernetes/client-node';
import type { Instance } from '../driver.ts';
import type { Tested } from '../program.ts';
import type { PodProgram } from './programs.ts';

/** What runs, for the results. */
export class TestedImages {
  readonly artifacts: Record<string, string> = {};
  readonly tested: Tested[] = [];

  /** @param key of the artifacts. @param asked as the user asked for it, who did */
  add(key: string, role: Instance['role'], { image }: PodProgram, asked: string | undefined): void {
    if (this.artifacts[key] !== undefined) return;
    this.artifacts[key] = image;
    this.tested.push({ role, name: image, ...(asked !== undefined && { asked }) });
  }

  /** Nodes know the content of an image by a digest: that of the first pod that runs it is said. */
  seen(role: Instance['role'], { image }: PodProgram, pod: V1Pod | undefined): void {
    const [status] = pod?.status?.containerStatuses ?? [];
    const digest = /sha256:[0-9a-f]{64}/.exec(status?.imageID ?? '')?.[0];
    if (digest === undefined) return;
    for (const [key, value] of Object.entries(this.artifacts))
      if (value === image) this.artifacts[key] = `${image} ${digest}`;
    const at = this.tested.findIndex((one) => one.role === role && one.name === image && one.digest === undefined);
    const found = this.tested[at];
    if (found) this.tested[at] = { ...found, digest };
  }
}
