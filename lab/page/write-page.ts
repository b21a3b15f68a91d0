import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { printable } from '#proto/printable.ts';
import type { ReportData, RunReport } from '../../page/report/data.ts';
import type { Result } from '../checks/result-schema.ts';
import { builtPage } from '../drivers/build-page.ts';
import type { ResultsFolder } from '../history/results-folder.ts';
import { writeWhole } from '../history/write-whole.ts';
import { type Limits, runData } from './run-data.ts';

/** A page that is larger opens slowly, and is too large for many a mail. */
const MAX_PAGE_BYTES = 1_500_000;
const FIRST_LIMITS: Limits = { operations: 10_000, samples: 20_000, files: 20_000 };
const MAX_TRIES = 8;
/** For a page that is still being built when the run is over. */
const BUILD_WAIT_MS = 30_000;

/** A page that is built, or is about to be. */
export type BegunPage = Promise<string>;

export interface RunPageInit {
  readonly folder: ResultsFolder;
  readonly result: Result;
  /** From `beginPage`. */
  readonly page: BegunPage;
  readonly tell: (line: string) => void;
}

/** Begins to build the report's page, if that has to be done: beside a run it costs nobody any time. */
export function beginPage(): BegunPage {
  const page = builtPage('report');
  page.catch(() => {}); // Who needs it is told.
  return page;
}

/** Writes report.html. That it can't be made changes nothing of a run: what it shows is in the other files, too. */
export async function writeRunPage({ folder, result, page, tell }: RunPageInit): Promise<void> {
  try {
    const template = await inTime(page);
    folder.write('report.html', await fitting(folder, result, template));
  } catch (error) {
    tell(`report.html was not made (bin/lab report ${folder.path} tries again): ${printable(reasonOf(error))}`);
  }
}

/** Writes report.html of what is no run: a suite, a check of a peer. @returns why it could not be written */
export async function writePage(
  folder: string,
  title: string,
  data: Exclude<ReportData, RunReport>,
  page: BegunPage,
): Promise<string | undefined> {
  try {
    writeWhole(path.join(folder, 'report.html'), await filled(await inTime(page), title, data));
    return undefined;
  } catch (error) {
    return printable(reasonOf(error));
  }
}

async function inTime(page: BegunPage): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new PeerLabError('build-failed', { about: 'the page', got: `nothing after ${BUILD_WAIT_MS / 1000} s` }));
    }, BUILD_WAIT_MS);
  });
  return Promise.race([page, late]).finally(() => clearTimeout(timer));
}

/** The page with as much of the history as it can hold. */
async function fitting(folder: ResultsFolder, result: Result, template: string): Promise<string> {
  let limits = FIRST_LIMITS;
  for (let tries = 1; ; tries++) {
    const html = await filled(template, `${result.scenario}: ${result.verdict}`, await runData(folder, result, limits));
    if (Buffer.byteLength(html) <= MAX_PAGE_BYTES || tries === MAX_TRIES) return html;
    const { operations, samples, files } = limits;
    limits = { operations: operations >> 1, samples: samples >> 1, files: files >> 1 };
  }
}

/** A page with its title and its data. Base64 ends no element, whatever is in it. */
export async function filled(template: string, title: string, data: ReportData): Promise<string> {
  const packed = (await promisify(gzip)(JSON.stringify(data), { level: 9 })).toString('base64');
  const shown = printable(title).replaceAll(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
  return template.replace('<!--title-->', () => shown).replace('<!--data-->', () => packed);
}
