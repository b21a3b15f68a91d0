import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { gunzipSync } from 'node:zlib';
import type { Lack, Wants } from '../capabilities.ts';

/** Parts of the kernel that disturbances are done with, by the names of its configuration. */
const PARTS = [
  'NF_TABLES',
  'NFT_NUMGEN',
  'NET_SCH_HTB',
  'NET_CLS_U32',
  'NET_ACT_MIRRED',
  'IFB',
  'NET_SCH_NETEM',
] as const;

/** Whether each is there, built in or as a module; undefined when it can not be found out. */
export type KernelAbilities = Readonly<Record<(typeof PARTS)[number], boolean | undefined>>;

/** @param kernelOfEngine its release: only of this machine's own kernel the configuration can be read */
export function kernelAbilities(kernelOfEngine: string): KernelAbilities {
  const config = kernelOfEngine === release() ? readConfig() : undefined;
  const has = (part: string) =>
    config === undefined ? undefined : new RegExp(`^CONFIG_${part}=[ym]$`, 'm').test(config);
  return Object.fromEntries(PARTS.map((part) => [part, has(part)])) as unknown as KernelAbilities;
}

/** Where kernels leave their configuration. */
function readConfig(): string | undefined {
  const packed = '/proc/config.gz';
  const files = [`/boot/config-${release()}`, `/lib/modules/${release()}/config`];
  try {
    if (existsSync(packed)) return gunzipSync(readFileSync(packed)).toString();
    const file = files.find((path) => existsSync(path));
    return file && readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** What each disturbance is done with, by the kernel's own names. */
const KERNEL_PARTS: Record<Wants['network-faults'], readonly (keyof KernelAbilities)[]> = {
  cut: ['NF_TABLES'],
  lose: ['NF_TABLES', 'NFT_NUMGEN'],
  limit: ['NET_SCH_HTB', 'NET_CLS_U32', 'NET_ACT_MIRRED', 'IFB'],
  delay: ['NET_SCH_HTB', 'NET_SCH_NETEM'],
};

/** What can't be found out is not held against it: then the first fault shows it. */
export function kernelLack(kind: Wants['network-faults'], kernel: KernelAbilities): Lack | undefined {
  const missing = KERNEL_PARTS[kind].filter((part) => kernel[part] === false);
  if (missing.length === 0) return undefined;
  return {
    why: `this kernel was built without ${missing.map((part) => `CONFIG_${part}`).join(' and ')}`,
    help: 'take a kernel of a common distribution: those have it, as a module',
  };
}
