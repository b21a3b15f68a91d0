import { canonicalIp, normalAddress, parseAddress, withoutBrackets } from '#proto/addresses.ts';
import type { EnvSpec } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';
import { Networks } from '#proto/networks.ts';
import { parseByteRate, parseDurationMs, parseSizeBytes, EXPECTED as UNITS } from '#proto/units.ts';

type Value<S extends EnvSpec> = S['type'] extends 'port' | 'count' | 'rate' | 'duration' | 'size'
  ? number
  : S['type'] extends 'flag'
    ? boolean
    : S['type'] extends 'networks'
      ? Networks
      : string;

/** The settings of a table, typed: ports, counts, sizes (bytes) and durations (milliseconds) as numbers, flags as booleans. */
export type Config<T extends Record<string, EnvSpec>> = {
  [K in keyof T]: T[K] extends { optional: true } ? Value<T[K]> | undefined : Value<T[K]>;
};

/**
 * Reads and checks every setting of `table`; an empty variable counts as unset.
 * @throws PeerLabError `bad-setting`, naming all the settings that are missing or wrong.
 */
export function readConfig<T extends Record<string, EnvSpec>>(
  table: T,
  env: NodeJS.ProcessEnv = process.env,
): Config<T> {
  const config: Record<string, unknown> = {};
  const mistakes: string[] = [];
  for (const [name, spec] of Object.entries(table)) {
    const text = env[name] || spec.default;
    if (text === undefined) {
      if (!spec.optional) mistakes.push(`${name} (${spec.help}) is not set`);
      continue;
    }
    const value = READERS[spec.type](text);
    if (value === undefined)
      mistakes.push(
        `${name}: expected ${EXPECTED[spec.type]}, got ${spec.secret ? 'something else' : JSON.stringify(text)}`,
      );
    config[name] = value;
  }
  if (mistakes.length > 0) throw new PeerLabError('bad-setting', { got: mistakes.join('; ') });
  return config as Config<T>;
}

const wholeNumber = (text: string, max: number) =>
  /^\d{1,15}$/.test(text) && Number(text) <= max ? Number(text) : undefined;

/** A zone id stays: whoever listens needs it. */
function hostOf(text: string): string | undefined {
  const host = withoutBrackets(text);
  return canonicalIp(host) !== undefined || /^[A-Za-z0-9._-]+$/.test(host) ? host : undefined;
}

const READERS: Record<EnvSpec['type'], (text: string) => unknown> = {
  text: (text) => text,
  folder: (text) => text,
  file: (text) => text,
  database: (text) => (/^postgres(ql)?:\/\/./.test(text) ? text : undefined),
  port: (text) => wholeNumber(text, 65_535),
  count: (text) => wholeNumber(text, Number.MAX_SAFE_INTEGER) || undefined,
  duration: (text) => parseDurationMs(text) || undefined,
  size: (text) => parseSizeBytes(text) || undefined,
  rate: (text) => parseByteRate(text),
  networks: (text) => Networks.parse(text),
  flag: (text) => ({ '1': true, true: true, '0': false, false: false })[text],
  url: (text) => (/^https?:\/\//.test(text) && URL.canParse(text) ? text.replace(/\/+$/, '') : undefined),
  host: (text) => hostOf(text),
  address: (text) => (parseAddress(text) ? normalAddress(text) : undefined),
};

const EXPECTED: Record<EnvSpec['type'], string> = {
  text: 'text',
  folder: 'a folder',
  file: 'a file',
  database: 'a postgres:// URL',
  port: 'a port from 0 to 65535',
  count: 'a whole number above 0',
  ...UNITS,
  networks: 'networks such as 10.0.0.0/8,fd00::/8',
  flag: '1 or 0',
  url: 'an http:// or https:// URL',
  host: 'an IP address or a host name',
  address: 'ip:port, or [ip]:port for IPv6',
};
