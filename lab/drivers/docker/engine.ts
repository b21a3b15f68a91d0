import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { withoutBrackets } from '#proto/addresses.ts';
import { reasonOf } from '#proto/errors.ts';

/** Which Docker engine is used: found without loading any of the heavy libraries. */

const ANSWER_TIMEOUT_MS = 3000;
const versionAnswer = z.object({ Version: z.string(), ApiVersion: z.string(), Os: z.string(), Arch: z.string() });

export interface EngineInfo {
  /** As in DOCKER_HOST: `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`. */
  readonly endpoint: string;
  /** Who named it: `DOCKER_HOST`, or `context NAME`. */
  readonly by: string;
  readonly version: string;
  readonly apiVersion: string;
  /** Go's names: `amd64`, `arm64`. */
  readonly arch: string;
}

/** The engine that answers within 3 s, or a sentence that says why there is none. Never throws. */
export async function findEngine(): Promise<EngineInfo | string> {
  try {
    const named = namedEndpoint(process.env);
    if (typeof named === 'string') return named;
    const { endpoint, by } = named;
    if (endpoint === undefined) return 'there is no Docker socket on this machine';
    const flaw = endpointFlaw(endpoint);
    if (flaw) return flaw;
    const { Version, ApiVersion, Os, Arch } = versionAnswer.parse(await getJson(endpoint, '/version'));
    if (Os !== 'linux') return `the engine at ${endpoint} runs ${Os} containers, not linux ones`;
    return { endpoint, by, version: Version, apiVersion: ApiVersion, arch: Arch };
  } catch (error) {
    return `no Docker engine answers: ${reasonOf(error)}`;
  }
}

/**
 * Why the engine that somebody named can't be known: a context of the docker command that is missing or damaged. Another engine
 * must not take its place.
 */
export function contextFlaw(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = namedEndpoint(env);
  return typeof named === 'string' ? named : undefined;
}

interface NamedEndpoint {
  /** Absent when nobody named one, and no usual socket is there. */
  readonly endpoint: string | undefined;
  readonly by: string;
}

/** DOCKER_HOST, then the current context of the docker command, then the usual sockets. A sentence when that is broken. */
function namedEndpoint(env: NodeJS.ProcessEnv): NamedEndpoint | string {
  if (env.DOCKER_HOST) return { endpoint: env.DOCKER_HOST, by: 'DOCKER_HOST' };
  const folder = env.DOCKER_CONFIG || join(homedir(), '.docker');
  try {
    const name = env.DOCKER_CONTEXT || currentContext(join(folder, 'config.json'));
    const by = `context ${name ?? DEFAULT_CONTEXT}`;
    if (name === undefined || name === DEFAULT_CONTEXT) return { endpoint: usualSocket(env), by };
    return { endpoint: endpointOfContext(folder, name), by };
  } catch (error) {
    return reasonOf(error);
  }
}

const DEFAULT_CONTEXT = 'default';
const configFile = z.object({ currentContext: z.string().optional() });
const contextFile = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string().min(1) }) }) });

function currentContext(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return configFile.parse(JSON.parse(readFileSync(file, 'utf8'))).currentContext || undefined;
  } catch {
    throw new Error(`${file}, which names the Docker context, can not be read`);
  }
}

function endpointOfContext(folder: string, name: string): string {
  const id = createHash('sha256').update(name).digest('hex');
  const file = join(folder, 'contexts', 'meta', id, 'meta.json');
  if (!existsSync(file))
    throw new Error(`there is no Docker context "${name}" (docker context ls shows those that are)`);
  try {
    return contextFile.parse(JSON.parse(readFileSync(file, 'utf8'))).Endpoints.docker.Host;
  } catch {
    throw new Error(`the Docker context "${name}" names no endpoint that can be read (${file})`);
  }
}

function usualSocket(env: NodeJS.ProcessEnv): string | undefined {
  const sockets = [
    '/var/run/docker.sock',
    ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'docker.sock')] : []),
    join(homedir(), '.docker', 'run', 'docker.sock'),
  ];
  const socket = sockets.find((path) => existsSync(path));
  return socket && `unix://${socket}`;
}

/** Instances are reached by ports that are published on the engine's own loopback, so it must be this machine's. */
function endpointFlaw(endpoint: string): string | undefined {
  if (endpoint.startsWith('unix://')) return undefined;
  const isLocal = /^(tcp|http):\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+\/?$/.test(endpoint);
  return isLocal ? undefined : `the engine at ${endpoint} is not on this machine`;
}

/** What dockerode's constructor wants. */
export function connectionOf(endpoint: string): { socketPath: string } | { host: string; port: number } {
  if (endpoint.startsWith('unix://')) return { socketPath: endpoint.slice('unix://'.length) };
  const url = new URL(endpoint);
  return { host: withoutBrackets(url.hostname), port: Number(url.port) };
}

function getJson(endpoint: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    signal.addEventListener('abort', () => reject(new Error(`no answer from ${endpoint} in ${ANSWER_TIMEOUT_MS} ms`)));
    const asked = request({ ...connectionOf(endpoint), path, signal, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('error', reject).on('end', () => resolve(text));
    });
    asked.on('error', reject).end();
  }).then((text) => JSON.parse(text as string));
}
