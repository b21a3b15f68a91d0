import { PeerLabError, reasonOf } from '#proto/errors.ts';
import { counted } from '#proto/units.ts';
import type { DriverDescription } from '../description.ts';
import { FOOTPRINT_ELSEWHERE, groundElsewhere } from '../elsewhere.ts';
import { standingCapabilities } from './capabilities.ts';
import { SETTINGS, standingSettings } from './settings.ts';
import { createStandingDriver } from './standing-driver.ts';
import { surveyStanding } from './survey.ts';

const SURVEY_TIMEOUT_MS = 60_000;

export const standingDriver: DriverDescription = {
  kind: 'standing',
  isAutomatic: false,
  settings: SETTINGS,
  carrier: {
    name: 'standing network',
    absent: 'not-standing',
    help: `set ${SETTINGS.join(', ')} to where one stands (docs/drivers.md)`,
  },
  async survey() {
    try {
      const settings = standingSettings();
      const found = await surveyStanding(settings, AbortSignal.timeout(SURVEY_TIMEOUT_MS));
      const what = `${counted(found.peers, 'peer')} and the directory at ${settings.directory}, which stand already`;
      return { what, can: standingCapabilities(found) };
    } catch (error) {
      return reasonOf(error);
    }
  },
  async find(asked) {
    throw new PeerLabError('no-program', {
      about: asked,
      got: 'peers that stand already run the program that they have',
    });
  },
  create: (init) => createStandingDriver(init),
  // What stands was there before. A hold that is not renewed lapses, and then the peer is as it was: there is nothing to remove.
  sweeper: { settleMs: 0, find: async () => [], sweep: async () => [] },
  footprint: FOOTPRINT_ELSEWHERE,
  examine: async () => ({ ground: groundElsewhere(), checks: [] }),
};
