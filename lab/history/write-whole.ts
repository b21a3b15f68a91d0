import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes a file that is there with all of its content or not at all: its writer may be killed at any moment, the disk be full. */
export function writeWhole(file: string, content: string): void {
  const fresh = `${file}.${process.pid}.new`;
  try {
    writeFileSync(fresh, content);
    renameSync(fresh, file);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
