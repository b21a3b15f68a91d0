import { readFile } from 'node:fs/promises';
import * as grpc from '@grpc/grpc-js';
import type { Config } from '#base/config.ts';
import type { PEER_ENV } from '#proto/env.ts';
import { PeerLabError } from '#proto/errors.ts';

export interface PeerTls {
  /** Certificates to trust, for peers and the directory; those that Node knows when there are none. */
  readonly ca: Buffer | undefined;
  /** Undefined when only the directory speaks TLS. */
  readonly server: grpc.ServerCredentials | undefined;
  readonly client: grpc.ChannelCredentials | undefined;
}

/** TLS as the settings say; undefined without any. @throws PeerLabError `bad-setting` */
export async function peerTls(config: Config<typeof PEER_ENV>): Promise<PeerTls | undefined> {
  const { PEER_TLS_CERT, PEER_TLS_KEY, PEER_TLS_CA } = config;
  if ((PEER_TLS_CERT === undefined) !== (PEER_TLS_KEY === undefined)) {
    throw new PeerLabError('bad-setting', { about: 'PEER_TLS_…', expected: 'certificate and key, or neither' });
  }
  const ca = PEER_TLS_CA === undefined ? undefined : await readSetting('PEER_TLS_CA', PEER_TLS_CA);
  if (PEER_TLS_CERT === undefined || PEER_TLS_KEY === undefined) {
    return ca && { ca, server: undefined, client: undefined };
  }
  const cert_chain = await readSetting('PEER_TLS_CERT', PEER_TLS_CERT);
  const private_key = await readSetting('PEER_TLS_KEY', PEER_TLS_KEY);
  return {
    ca,
    server: grpc.ServerCredentials.createSsl(null, [{ cert_chain, private_key }]),
    client: grpc.credentials.createSsl(ca ?? null),
  };
}

function readSetting(name: string, file: string): Promise<Buffer> {
  return readFile(file).catch((error) => {
    throw new PeerLabError('bad-setting', { about: name, expected: 'a file that can be read', got: error.code });
  });
}
