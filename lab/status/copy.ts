import { z } from 'zod';

/**
 * HOW A LAB SHOWS A PAGE ITS RUN: it copies the files of the results folder to it, as they grow. The page says how much it has of each, so
 * one that is new gets all of them, and nothing is sent twice.
 */

/** Where a page takes it: `POST`, with the page's token. */
export const COPIES_PATH = '/copies';
/** Of one message; a report.html is the largest file that is sent whole. */
export const MAX_COPY_BYTES = 4 * 1024 * 1024;

export const copyMessage = z.object({
  runId: z.string().regex(/^[0-9a-f]{4,40}$/),
  /** What follows what the page has: whole lines of files that grow. `from`: bytes before it. */
  parts: z
    .array(z.object({ file: z.string().max(400), from: z.number().int().nonnegative(), text: z.string() }))
    .max(20),
  /** Files that are replaced as a whole. */
  wholes: z.array(z.object({ file: z.string().max(400), text: z.string() })).max(20),
});
export type CopyMessage = z.infer<typeof copyMessage>;

/** How many bytes of each file that grows the page has. */
export const copyAnswer = z.object({ sizes: z.record(z.string(), z.number().int().nonnegative()) });
export type CopyAnswer = z.infer<typeof copyAnswer>;
