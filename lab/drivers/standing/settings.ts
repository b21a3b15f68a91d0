import { createHash, createHmac } from 'node:crypto';
import { STANDING_ENV } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';

/** Where a network stands already. */
export interface StandingSettings {
  /** Its URL, without a slash at the end. */
  readonly directory: string;
  readonly token: string;
  /** The URL of the keeper at a place, counted from 1; undefined behind the last place of a list. */
  keeperAt(place: number): string | undefined;
}

/** The variables, all of which must be set. */
export const SETTINGS: readonly string[] = Object.keys(STANDING_ENV);

const NUMBER = '{n}';
/** As the directory takes names of users. */
const MAX_USER_CHARACTERS = 64;

/** @throws PeerLabError `bad-setting` */
export function standingSettings(env: NodeJS.ProcessEnv = process.env): StandingSettings {
  const keepers = settingOf(env, 'PEERLAB_STANDING_KEEPERS');
  const isPattern = keepers.includes(NUMBER);
  const urls = isPattern ? [] : keepers.split(',').map((url) => urlOf(url.trim(), 'PEERLAB_STANDING_KEEPERS'));
  if (isPattern) urlOf(keepers.replaceAll(NUMBER, '1'), 'PEERLAB_STANDING_KEEPERS');
  return {
    directory: urlOf(settingOf(env, 'PEERLAB_STANDING_DIRECTORY'), 'PEERLAB_STANDING_DIRECTORY'),
    token: tokenOf(env),
    keeperAt: (place) => (isPattern ? keepers.replaceAll(NUMBER, String(place)) : urls[place - 1]),
  };
}

/**
 * The account of a user of a plan. The directory knows users from before: those of the pods, whose passwords the lab does not have, and
 * those of former runs. So the lab has users of its own there, the same ones in every run with this token, and their passwords come from it.
 */
export function accountOf(token: string, user: string): { user: string; password: string } {
  const tag = createHash('sha256').update(`users of ${token}`).digest('hex').slice(0, 8);
  const name = `lab-${tag}.${user}`;
  const isShort = name.length <= MAX_USER_CHARACTERS;
  return {
    user: isShort ? name : `lab-${tag}.${createHash('sha256').update(user).digest('hex').slice(0, 32)}`,
    password: createHmac('sha256', token).update(`password of ${user}`).digest('base64url'),
  };
}

/** As a header can carry it; and a file with a token may end in a line break that nobody sees. */
function tokenOf(env: NodeJS.ProcessEnv): string {
  const about = 'PEERLAB_STANDING_TOKEN';
  const token = settingOf(env, about);
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const expected = 'characters of ASCII without spaces and line breaks';
  throw new PeerLabError('bad-setting', { about, expected, got: 'others' });
}

function settingOf(env: NodeJS.ProcessEnv, about: keyof typeof STANDING_ENV): string {
  const value = env[about];
  if (value) return value;
  throw new PeerLabError('bad-setting', { about, expected: 'a value', got: 'nothing' });
}

function urlOf(text: string, about: keyof typeof STANDING_ENV): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' && url.pathname === '/' && url.search === '') return url.origin;
  throw new PeerLabError('bad-setting', { about, expected: 'a URL such as http://host:port', got: text });
}
