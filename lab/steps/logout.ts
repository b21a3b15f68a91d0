import { oncePerPeer } from './step.ts';

export const logout = oncePerPeer('logout', 'Each peer leaves the index.');
