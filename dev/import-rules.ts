import path from 'node:path';
import { circles, trespasses, unused } from './rooms/check.ts';
import { filesOf } from './rooms/imports.ts';
import { ROOMS } from './rooms/table.ts';

/** Holds every file of the project against the table of rooms: `node dev/import-rules.ts`, part of `make check`. */

const files = filesOf(path.resolve(import.meta.dirname, '..'));
const complaints = [...trespasses(files, ROOMS), ...unused(files, ROOMS), ...circles(files, ROOMS)];
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.stdout.write(`${files.length} files in ${ROOMS.length} rooms, ${complaints.length} against the rules\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;
