import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { FreePorts } from './ports.ts';

test('gives each port once, and none that is taken', async () => {
  const ports = new FreePorts();
  const first = await ports.take();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(first + 1, '127.0.0.1', resolve));
  try {
    const next = await Promise.all(Array.from({ length: 5 }, () => ports.take()));
    expect(new Set([first, ...next]).size).toBe(6);
    expect(next).not.toContain(first + 1);
  } finally {
    server.close();
  }
});
