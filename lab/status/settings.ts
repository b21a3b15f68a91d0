import { type EnvSpec, STATUS_ENV } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';

interface StatusSettings extends NetworkSettings {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

/** Where the network is that stands. */
interface NetworkSettings {
  /** Of DNS: the SRV records of the peers' control ports. */
  readonly peers: string;
  readonly directory: string;
}

const MAX_PORT = 65_535;

/** Of the page. @throws PeerLabError `bad-setting` */
export function statusSettings(env: NodeJS.ProcessEnv): StatusSettings {
  const port = settingOf(env, 'PEERLAB_STATUS_PORT');
  if (!/^\d{1,5}$/.test(port) || Number(port) > MAX_PORT)
    throw new PeerLabError('bad-setting', { about: 'PEERLAB_STATUS_PORT', expected: 'a port', got: port });
  return {
    host: settingOf(env, 'PEERLAB_STATUS_HOST'),
    port: Number(port),
    token: settingOf(env, 'PEERLAB_STATUS_TOKEN'),
    ...networkSettings(env),
  };
}

/** @throws PeerLabError `bad-setting` */
export function networkSettings(env: NodeJS.ProcessEnv): NetworkSettings {
  return { peers: settingOf(env, 'PEERLAB_STATUS_PEERS'), directory: urlOf(env, 'PEERLAB_STATUS_DIRECTORY') };
}

/** Of a lab: which page it tells how its run goes; undefined without one. @throws PeerLabError `bad-setting` */
export function pageOf(env: NodeJS.ProcessEnv): { readonly url: string; readonly token: string } | undefined {
  if (!env.PEERLAB_STATUS_URL) return undefined;
  return { url: urlOf(env, 'PEERLAB_STATUS_URL'), token: settingOf(env, 'PEERLAB_STATUS_TOKEN') };
}

function settingOf(env: NodeJS.ProcessEnv, about: keyof typeof STATUS_ENV): string {
  const spec: EnvSpec = STATUS_ENV[about];
  const value = env[about] || spec.default;
  if (value === undefined) throw new PeerLabError('bad-setting', { about, expected: spec.help, got: 'nothing' });
  return value;
}

function urlOf(env: NodeJS.ProcessEnv, about: keyof typeof STATUS_ENV): string {
  const text = settingOf(env, about);
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text.replace(/\/+$/, '');
  throw new PeerLabError('bad-setting', { about, expected: 'an http:// or https:// URL', got: text });
}
