import { oncePerPeer } from './step.ts';

export const login = oncePerPeer('login', 'Each peer logs in at the directory and publishes its share.');
