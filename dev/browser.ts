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

/** Where it may be; PEERLAB_CHROMIUM may name another place, and then it is there or nowhere. */
function places(): readonly string[] {
  const asked = process.env.PEERLAB_CHROMIUM;
  return asked ? [asked] : PLACES;
}

/** Why tests can't have a browser here. */
export function browserFlaw(): string | undefined {
  return !places().some((place) => existsSync(place))
    ? 'no Chromium is here (PEERLAB_CHROMIUM may say where)'
    : undefined;
}

export function startBrowser(): Promise<Browser> {
  const known = places().find((place) => existsSync(place)) ?? (places()[0] as string);
  return chromium.launch({ executablePath: known, args: ARGS });
}
