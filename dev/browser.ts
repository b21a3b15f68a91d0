import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The browser that tests of pages run in: a Chromium of this machine. */

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
/** Without a sandbox, as containers and root have none; and nothing asks the network for anything of its own. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where it is; PEERLAB_CHROMIUM may name another place. */
export function findBrowser(): string | undefined {
  const asked = process.env.PEERLAB_CHROMIUM;
  return (asked ? [asked] : PLACES).find((place) => existsSync(place));
}

/** Why tests can't have a browser here. */
export function browserFlaw(): string | undefined {
  return findBrowser() === undefined ? 'no Chromium is here (PEERLAB_CHROMIUM may say where)' : undefined;
}

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findBrowser() ?? (PLACES[0] as string), args: ARGS });
}
