import { HOSTED_PORT } from '../hosted-peer.ts';

export const DIRECTORY_PORT = 5000;
export const GRPC_PORT = 50_051;
export const CONTROL_PORT = 50_052;
export const KEEPER_PORT = 50_053;
export const AGENT_PORT = 50_054;
/** At the loopback of its pod only. */
export const GATEWAY_PORT = 50_060;
/** Of hosted peers, far below those of outgoing connections. */
export const HOSTED_PORTS = { first: HOSTED_PORT, last: HOSTED_PORT + 9999 };
