import { oncePerPeer } from './step.ts';

export const index = oncePerPeer('index', 'Each peer asks for the whole index.');
