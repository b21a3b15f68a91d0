import { allCurrent, latestOf, wantedInputs } from './build.ts';
import type { ImageStore } from './image-store.ts';
import { findNodeImage, sourceOfNodeImage } from './node-image.ts';

export interface ImagesSurvey {
  readonly state: 'current' | 'outdated' | 'missing';
  /** Name of the base that the next build stands on, if the store has one. */
  readonly base: string | undefined;
  /** Without a base: where one would come from, or why from nowhere. */
  readonly source: { readonly from: 'registry' | 'packages' } | { readonly lacking: string } | undefined;
}

/** Whether the images of the services are there and made from the sources of now; builds and pulls nothing. */
export async function surveyImages(store: ImageStore): Promise<ImagesSurvey> {
  const node = await findNodeImage(store);
  const isThere = (await store.find(latestOf('directory'))) && (await store.find(latestOf('peer')));
  if (!node) {
    return { state: isThere ? 'outdated' : 'missing', base: undefined, source: await sourceOfNodeImage(store) };
  }
  const isCurrent = (await allCurrent(store, await wantedInputs(node))) !== undefined;
  return { state: isCurrent ? 'current' : isThere ? 'outdated' : 'missing', base: node.name, source: undefined };
}
