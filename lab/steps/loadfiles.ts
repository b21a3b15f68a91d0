import { oncePerPeer } from './step.ts';

export const loadfiles = oncePerPeer('loadfiles', 'Each peer looks at its share folder again and publishes it.');
