import { connect } from 'node:net';
import { reasonOf } from '#proto/errors.ts';
import { allOf, OWN, THEIRS } from '../files.ts';
import { hold } from '../finding.ts';
import type { Stage } from '../stage.ts';

export const settings = {
  'settings.place': async (stage: Stage) => {
    const { address } = stage.checked;
    const { status, details } = await stage.call('DownloadFile', { request: { filename: OWN.one.name } });
    // UNAVAILABLE: nobody listens there, or nobody speaks HTTP/2.
    hold(status !== 14, () => ({
      asked: `DownloadFile at ${address}`,
      expected: 'a gRPC service',
      came: details,
    }));
  },
  'settings.unknown': async ({ flawOfFirst }: Stage) => {
    hold(flawOfFirst === undefined, () => ({
      asked: 'a start with PEER_NO_SUCH_SETTING=of-no-use in the environment',
      expected: 'the same as without it',
      came: flawOfFirst ?? '',
    }));
  },
};

export const control = {
  'control.health': async (stage: Stage) => {
    const status = await stage.raw('GET', '/healthz');
    hold(status === 200, () => ({ asked: 'GET /healthz', expected: 'status 200', came: `status ${status}` }));
  },
  'control.token': async (stage: Stage) => {
    const tries = { 'without a token': {}, 'with a wrong token': { authorization: 'Bearer wrong' } };
    for (const [how, headers] of Object.entries(tries)) {
      const status = await stage.raw('POST', '/control/loadfiles', { 'content-type': 'application/json', ...headers });
      hold(status === 401, () => ({
        asked: `POST /control/loadfiles ${how}`,
        expected: 'status 401',
        came: `status ${status}`,
      }));
    }
  },
  'control.connections': async (stage: Stage) => {
    const { hostname, port } = new URL(stage.checked.url);
    const idle = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
    idle.on('error', () => {});
    try {
      idle.write('GET /healthz HTTP/1.1\r\nHost: peer\r\n\r\n');
      await new Promise((resolve) => idle.once('data', resolve).once('close', resolve));
      const status = await stage.raw('GET', '/healthz').catch(reasonOf);
      hold(status === 200, () => ({
        asked: 'GET /healthz while another connection is kept open',
        expected: 'status 200',
        came: typeof status === 'number' ? `status ${status}` : status,
      }));
    } finally {
      idle.destroy();
    }
  },
  'control.unknown': async (stage: Stage) => {
    const status = await stage.raw('POST', '/control/no-such-verb', stage.authorization);
    hold([404, 405, 501].includes(status), () => ({
      asked: 'POST /control/no-such-verb',
      expected: 'status 404, 405 or 501',
      came: `status ${status}`,
    }));
  },
  'control.login': async (stage: Stage) => {
    const { leaseSeconds } = await stage.done('login', {});
    hold(leaseSeconds > 0, () => ({
      asked: 'POST /control/login',
      expected: 'the lease that the directory gave, in seconds',
      came: String(leaseSeconds),
    }));
  },
  'control.index': async (stage: Stage) => {
    const { peers } = await stage.done('index', {});
    const files = peers.find(({ user }) => user === 'prober')?.files ?? [];
    const missing = allOf(THEIRS).filter(({ name }) => !files.some((file) => file.name === name));
    hold(missing.length === 0, () => ({
      asked: 'POST /control/index',
      expected: `all ${allOf(THEIRS).length} files of the peer "prober"`,
      came: `${missing.length} are missing, such as "${missing[0]?.name}"`,
    }));
  },
  'control.search': async (stage: Stage) => {
    const { name, sha256 } = THEIRS.large;
    for (const by of [{ name }, { sha256 }]) {
      const { results } = await stage.done('search', by);
      const found = results.some((one) => one.sha256 === sha256 && one.peers.some(({ user }) => user === 'prober'));
      hold(found, () => ({
        asked: `POST /control/search ${JSON.stringify(by)}`,
        expected: 'the peer "prober" as one that has it',
        came: `${results.length} results without it`,
      }));
    }
  },
  'control.loadfiles': async (stage: Stage) => {
    const { files } = await stage.done('loadfiles', {});
    const stored = (await stage.stored()).filter(({ name, kind }) => !name.startsWith('.peerlab') && !kind);
    hold(files === stored.length, () => ({
      asked: 'POST /control/loadfiles',
      expected: `files: ${stored.length}, as in the share`,
      came: `files: ${files}`,
    }));
  },
  'control.forms': async (stage: Stage) => {
    const answer = await stage.control('download', { name: 'no-such-file-anywhere.bin' });
    const came =
      'ok' in answer ? 'status 200' : answer.failure.code === 'bad-answer' ? answer.failure.message : undefined;
    hold(came === undefined, () => ({
      asked: 'POST /control/download of a file that nobody has',
      expected: 'another status than 200, and {"error": {"code", "message"}}',
      came: came ?? '',
    }));
  },
};
