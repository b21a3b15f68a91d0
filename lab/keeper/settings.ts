import { KEEPER_ENV, PEER_ENV } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';

/** What a keeper is told by its environment, and what of that the program gets. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly leaseMs: number;
  readonly shareDir: string;
  /** Of the program, as the pod set it. */
  readonly address: string | undefined;
  readonly controlPort: number;
  readonly controlHost: string;
  /** The program's own settings: all but those of the keeper. */
  readonly own: NodeJS.ProcessEnv;
}

const EXPECTED_TOKEN = 'characters of ASCII without spaces and line breaks';
const TOKEN = /^[\x21-\x7e]+$/;
const MAX_PORT = 65_535;
const MAX_LEASE_SECONDS = 3600;
/** Who listens at all addresses is found at this one. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** @throws PeerLabError `bad-setting` */
export function settingsOf(env: NodeJS.ProcessEnv): Settings {
  const host = env.PEER_HOST || PEER_ENV.PEER_HOST.default;
  return {
    host: env.PEERLAB_KEEPER_HOST || host,
    port: numberOf(env, 'PEERLAB_KEEPER_PORT', KEEPER_ENV.PEERLAB_KEEPER_PORT.default, MAX_PORT),
    token: tokenOf(env),
    leaseMs: numberOf(env, 'PEERLAB_KEEPER_LEASE', KEEPER_ENV.PEERLAB_KEEPER_LEASE.default, MAX_LEASE_SECONDS) * 1000,
    shareDir: required(env, 'PEER_SHARE_DIR'),
    address: env.PEER_ADVERTISE || undefined,
    controlPort: numberOf(env, 'PEER_CONTROL_PORT', PEER_ENV.PEER_CONTROL_PORT.default, MAX_PORT),
    controlHost: LOOPBACK[host] ?? host,
    own: Object.fromEntries(Object.entries(env).filter(([name]) => !Object.hasOwn(KEEPER_ENV, name))),
  };
}

/** As a header can carry it; and a file with a token may end in a line break that nobody sees. */
function tokenOf(env: NodeJS.ProcessEnv): string {
  const token = required(env, 'PEERLAB_KEEPER_TOKEN');
  if (TOKEN.test(token)) return token;
  throw new PeerLabError('bad-setting', { about: 'PEERLAB_KEEPER_TOKEN', expected: EXPECTED_TOKEN, got: 'others' });
}

function required(env: NodeJS.ProcessEnv, about: string): string {
  const value = env[about];
  if (!value) throw new PeerLabError('bad-setting', { about, expected: 'a value', got: 'nothing' });
  return value;
}

function numberOf(env: NodeJS.ProcessEnv, about: string, otherwise: string, max: number): number {
  const text = env[about] || otherwise;
  if (/^\d{1,5}$/.test(text) && Number(text) <= max) return Number(text);
  throw new PeerLabError('bad-setting', { about, expected: `a whole number, at most ${max}`, got: text });
}
