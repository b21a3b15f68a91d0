import type { PreflightCheck } from './check.ts';

/** Is what a run stands on there: Node, kernel, engine, images, and the abilities that the scenario asks for. */

const LEAST_NODE = 24;

export const node: PreflightCheck = {
  name: 'node',
  judge({ node }) {
    const isEnough = Number.parseInt(node, 10) >= LEAST_NODE;
    const needed = `${LEAST_NODE} or newer`;
    return isEnough
      ? { state: 'ok', found: node, needed }
      : {
          state: 'lacking',
          found: node,
          needed,
          mend: 'start the lab with bin/lab or make: they bring their own Node',
        };
  },
};

export const kernel: PreflightCheck = {
  name: 'kernel',
  judge({ system: { platform, release } }) {
    if (platform === 'linux') return { state: 'ok', found: `Linux ${release}` };
    return {
      state: 'unknown',
      found: `${platform} ${release}`,
      mend: 'most limits can only be read on Linux, and there are no figures of CPU and memory of processes',
    };
  },
};

export const engine: PreflightCheck = {
  name: 'engine',
  judge({ engine }, { asked }) {
    if (asked === 'process') return undefined;
    if (typeof engine !== 'string') return { state: 'ok', found: `Docker ${engine.version} at ${engine.endpoint}` };
    if (asked === 'auto')
      return { state: 'unknown', found: engine, mend: 'processes will do; start a Docker engine to have containers' };
    const mend = 'start a Docker engine (on Debian: apt-get install docker.io, then dockerd), or take --driver process';
    return { state: 'lacking', found: engine, needed: 'an engine that answers', mend };
  },
};

export const images: PreflightCheck = {
  name: 'images',
  judge({ engine }, { driver }) {
    if (driver !== 'docker' || typeof engine === 'string') return undefined;
    const { state, base, source } = engine.images;
    if (state === 'current') return { state: 'ok', found: 'built, and made from the sources of now' };
    const found = `${state}; a run builds them in some 10 s`;
    if (base !== undefined) return { state: 'ok', found: `${found}, on ${base}` };
    if (source && 'from' in source) {
      const from = source.from === 'registry' ? 'pulled from the registry' : 'made from Debian packages';
      return { state: 'ok', found: `${found}; their base will be ${from}` };
    }
    return {
      state: 'lacking',
      found: `${state}, and no base for them can be had: ${source?.lacking}`,
      needed: 'a base with Node',
      mend: 'docker pull node:24-bookworm-slim where a registry answers (docker save and docker load carry it here), or use Debian with apt-get',
    };
  },
};

export const abilities: PreflightCheck = {
  name: 'abilities',
  judge({ refusals }) {
    if (refusals.length === 0) return { state: 'ok', found: 'all that the scenario asks for' };
    return {
      state: 'lacking',
      found: refusals.map(({ why }) => why).join('; '),
      needed: refusals.map(({ where, need }) => `${need} (${where})`).join('; '),
      mend: [...new Set(refusals.map(({ help }) => help))].join('; or '),
    };
  },
};
