import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import * as grpc from '@grpc/grpc-js';
import type { PeerServiceHandlers } from '#proto/generated/PeerService.ts';
import { PeerService, peerServiceDefinition } from '#proto/peer.ts';

/**
 * The predecessor's way to move a file, in Node: messages of 1 KiB, and nobody checks what came.
 * `serve <file>` prints its port; `fetch <port> <target>` ends when all is on the disk.
 */

const MESSAGE_BYTES = 1024;

async function serve(file: string): Promise<void> {
  const server = new grpc.Server();
  const handlers: Pick<PeerServiceHandlers, 'DownloadFile'> = {
    DownloadFile: async (call) => {
      for await (const content of createReadStream(file, { highWaterMark: MESSAGE_BYTES }))
        if (!call.write({ content })) await once(call, 'drain');
      call.end();
    },
  };
  server.addService(peerServiceDefinition, handlers as PeerServiceHandlers);
  server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
}

async function fetchFile(port: string, target: string): Promise<void> {
  const client = new PeerService(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const out = createWriteStream(target);
  for await (const { content } of client.downloadFile({ filename: 'file' }))
    if (!out.write(content)) await once(out, 'drain');
  out.end();
  await finished(out);
  client.close();
}

const [mode, ...args] = process.argv.slice(2);
if (mode === 'serve') await serve(args[0] as string);
else await fetchFile(args[0] as string, args[1] as string);
