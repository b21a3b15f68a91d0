import type { ContainerRuntimeClient } from 'testcontainers';
import { PeerLabError } from '#proto/errors.ts';
import { type EngineConnection, statusOf } from './connection.ts';
import { labelsOf } from './labels.ts';

const ATTEMPTS = 5;

/**
 * No rule of the machine's may translate addresses here: instances need nothing outside, and such a rule that an engine left
 * behind makes every peer of a later network of the same subnet look like the gateway.
 */
const MASQUERADE = 'com.docker.network.bridge.enable_ip_masquerade';

/** The bridge of one run. */
export interface RunNetwork {
  readonly name: string;
  /** The bridge's own address: what comes from this machine comes from there. */
  readonly gateway: string;
  /** An IPv4 address that no other instance has. @throws PeerLabError `engine-failed` when there is none left */
  takeAddress(): string;
}

/**
 * A user-defined bridge. A peer must know its own address before it starts, and Docker lets a container choose its address
 * only where the subnet was given by the user. So the engine picks a free subnet for a first network, and the same is
 * asked for explicitly in a second one; when another run was faster in between, it all begins again.
 */
export async function createNetwork(
  engine: EngineConnection,
  client: ContainerRuntimeClient,
  runId: string,
): Promise<RunNetwork> {
  const name = `peerlab-${runId}`;
  const create = (subnet?: string) =>
    client.network.create({
      Name: name,
      CheckDuplicate: true,
      Driver: 'bridge',
      Options: { [MASQUERADE]: 'false' },
      Labels: labelsOf(runId, 'network', name),
      ...(subnet ? { IPAM: { Driver: 'default', Config: [{ Subnet: subnet }] } } : {}),
    });
  for (let attempt = 1; ; attempt++) {
    const probe = await engine.call('create network', create());
    const subnet = (await engine.call('inspect network', probe.inspect())).IPAM?.Config?.[0]?.Subnet;
    await engine.call('remove network', probe.remove());
    if (!subnet) throw new PeerLabError('engine-failed', { expected: 'a subnet for the network', got: 'none' });
    try {
      await engine.call('create network', create(subnet));
      return { name, gateway: gatewayOf(subnet), takeAddress: addressesOf(subnet) };
    } catch (error) {
      const isTaken = statusOf(error) === 403 || /overlap/i.test(`${error}`);
      if (!isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}

/** Gives out the addresses of an IPv4 subnet in order: the first is the gateway's, the last the broadcast's. */
export function addressesOf(subnet: string): () => string {
  const [base = '', bits = ''] = subnet.split('/');
  const first = numberOf(base);
  const last = first + 2 ** (32 - Number(bits)) - 2;
  let next = first + 2;
  return () => {
    if (next > last) {
      throw new PeerLabError('engine-failed', { expected: `an address left in ${subnet}`, got: 'more instances' });
    }
    return textOf(next++);
  };
}

function gatewayOf(subnet: string): string {
  return textOf(numberOf(subnet.split('/')[0] ?? '') + 1);
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
