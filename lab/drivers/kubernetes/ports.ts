export const DIRECTORY_PORT = 5000;
export const GRPC_PORT = 50_051;
export const CONTROL_PORT = 50_052;
export const KEEPER_PORT = 50_053;
/** At the loopback of its pod only. */
export const GATEWAY_PORT = 50_060;
/** Of hosted peers, far below those of outgoing connections. */
export const HOSTED_PORTS = { first: 20_000, last: 29_999 };
