import { createReadStream, createWriteStream } from 'node:fs';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream/promises';

/**
 * A file over a TCP connection from Node to Node, and nothing else: what is above it costs something.
 * `serve <file>` prints its port; `fetch <port> <target>` ends when all is on the disk.
 */

const BUFFER_BYTES = 1024 * 1024;

const [mode, first = '', target = ''] = process.argv.slice(2);
if (mode === 'serve') {
  const server = createServer((socket) => {
    void pipeline(createReadStream(first, { highWaterMark: BUFFER_BYTES }), socket).catch(() => {});
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
  });
} else {
  await pipeline(connect(Number(first), '127.0.0.1'), createWriteStream(target, { highWaterMark: BUFFER_BYTES }));
}
