import { findNodeImage, sourceOfNodeImage } from './base-image.ts';
import type { EngineConnection } from './connection.ts';
import { allCurrent, latestOf, wantedInputs } from './image-build.ts';
import { inspect } from './image-store.ts';
import type { ImagesSurvey } from './survey.ts';

/** Whether the images of the services are there and made from the sources of now; builds and pulls nothing. */
export async function surveyImages(engine: EngineConnection): Promise<ImagesSurvey> {
  const node = await findNodeImage(engine);
  const isThere = (await inspect(engine, latestOf('directory'))) && (await inspect(engine, latestOf('peer')));
  if (!node) {
    return { state: isThere ? 'outdated' : 'missing', base: undefined, source: await sourceOfNodeImage(engine) };
  }
  const isCurrent = (await allCurrent(engine, await wantedInputs(node))) !== undefined;
  return { state: isCurrent ? 'current' : isThere ? 'outdated' : 'missing', base: node.name, source: undefined };
}
