import { findNodeImage, sourceOfNodeImage } from './base-image.ts';
import type { EngineConnection } from './connection.ts';
import { allCurrent, tagOf, wantedInputs } from './image-build.ts';
import { inspect } from './image-store.ts';
import type { ImagesSurvey } from './survey.ts';

/** Whether the images of the services are there and made from the sources of now; builds and pulls nothing. */
export async function surveyImages(engine: EngineConnection): Promise<ImagesSurvey> {
  const node = await findNodeImage(engine);
  const isThere = (await inspect(engine, tagOf('directory'))) && (await inspect(engine, tagOf('peer')));
  if (!node) {
    return { state: isThere ? 'outdated' : 'missing', base: undefined, source: await sourceOfNodeImage(engine) };
  }
  const isCurrent = isThere && (await allCurrent(engine, await wantedInputs(node)));
  return { state: isCurrent ? 'current' : isThere ? 'outdated' : 'missing', base: node.name, source: undefined };
}
