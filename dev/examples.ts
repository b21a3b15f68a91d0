import { existsSync } from 'node:fs';
import path from 'node:path';

/** What `make example-peers` leaves, by folder of examples/peers/. */
const BUILT = { python: '.venv/ready', go: 'peer' };

/** Why the example peers can't be tested here. */
export function examplesFlaw(): string | undefined {
  const peers = path.resolve(import.meta.dirname, '../examples/peers');
  const missing = Object.entries(BUILT).filter(([folder, file]) => !existsSync(path.join(peers, folder, file)));
  if (missing.length === 0) return undefined;
  return `${missing.map(([folder]) => `examples/peers/${folder}`).join(', ')} not built (make example-peers)`;
}
