import { withoutBrackets } from '#proto/addresses.ts';
import type { NetworkConditions } from '../driver.ts';
import { type Command, LOSING_PORT, MEASURING_PORT } from './protocol.ts';

/**
 * THE RULES: what the kernel is told so that conditions hold in an instance's network namespace. Each time all of them are laid down
 * anew, so that nothing depends on what was there before.
 *
 * nftables drops (cut, loss), the traffic control shapes: htb, with the delay below it. What arrives can't be queued by itself, so it
 * is redirected to a device of its own. Left out are the bridge's own address, which is where the lab's questions come from, and what the
 * witness measures with: nothing is dropped at its measuring port, and what comes to its losing port can be lost, but not cut.
 */
export interface Surroundings {
  /** The bridge's own address. */
  readonly gateway: string;
  readonly witness: string;
  /** Largest packet of the interface. */
  readonly mtuBytes: number;
}

const TABLE = 'inet peerlab';
/** Made before it is deleted, for the first time. */
const ANEW = `table ${TABLE}\ndelete table ${TABLE}\n`;
const OUT = 'eth0';
const IN = 'ifb0';
const UNSHAPED: readonly Command[] = [
  { argv: ['tc', 'qdisc', 'del', 'dev', OUT, 'root'], mayFail: true },
  { argv: ['tc', 'qdisc', 'del', 'dev', OUT, 'ingress'], mayFail: true },
  { argv: ['ip', 'link', 'del', IN], mayFail: true },
];
/** A class that is not to limit anything: about the highest rate that tc can count. */
const UNLIMITED_BYTES_PER_SECOND = 4_000_000_000;
/** What may pass at once is what the rate gives in this time: more would make short measurements too fast, less costs CPU. */
const BURST_SECONDS = 0.01;
const LEAST_BURST_BYTES = 8 * 1024;
/** How long a packet may wait for its turn. TCP needs room for a window, or it never gets up to the rate. */
const QUEUE_SECONDS = 0.2;
const LEAST_QUEUE_BYTES = 64 * 1024;
const MAX_DELAYED_PACKETS = 100_000;
const ETHERNET_BYTES = 14;
/** IPv4 and TCP with timestamps. */
const HEADER_BYTES = 52;

export function commandsFor(conditions: NetworkConditions, around: Surroundings): Command[] {
  return [{ argv: ['nft', '-f', '-'], input: dropRules(conditions, around) }, ...shaping(conditions, around)];
}

/** What undoes all of it, in a network that goes on. */
export function undoing(): Command[] {
  return [{ argv: ['nft', '-f', '-'], input: ANEW }, ...UNSHAPED];
}

export function dropRules({ cutFrom, lossFraction }: NetworkConditions, { gateway, witness }: Surroundings): string {
  if (cutFrom === undefined && lossFraction === undefined) return ANEW;
  const chain = (name: string, hook: string, device: string, address: string, port: string) =>
    [
      `chain ${name} {`,
      `type filter hook ${hook} priority 0; policy accept;`,
      `${device} "lo" accept`,
      `ip ${address} ${gateway} accept`,
      `ip ${address} ${witness} tcp ${port} ${MEASURING_PORT} accept`,
      ...(lossFraction === undefined ? [] : [`numgen random mod 1000000 < ${Math.round(lossFraction * 1e6)} drop`]),
      // Lost like all others, but not cut: so that the loss can be measured.
      `ip ${address} ${witness} udp ${port} ${LOSING_PORT} accept`,
      ...cutRules(cutFrom, address),
      '}',
    ].join('\n');
  const incoming = chain('incoming', 'input', 'iif', 'saddr', 'sport');
  const outgoing = chain('outgoing', 'output', 'oif', 'daddr', 'dport');
  return `${ANEW}table ${TABLE} {\n${incoming}\n${outgoing}\n}\n`;
}

function cutRules(cutFrom: NetworkConditions['cutFrom'], address: string): string[] {
  if (cutFrom === 'all') return ['drop'];
  if (cutFrom === undefined || cutFrom.length === 0) return [];
  return [`ip ${address} { ${cutFrom.map((other) => hostOf(other.address)).join(', ')} } drop`];
}

/** Of `ip:port`, or of a URL. */
export function hostOf(address: string): string {
  return targetOf(address).host;
}

export function targetOf(address: string): { host: string; port: number } {
  const { hostname, port } = new URL(address.includes('//') ? address : `tcp://${address}`);
  return { host: withoutBrackets(hostname), port: Number(port) };
}

export function shaping(conditions: NetworkConditions, around: Surroundings): Command[] {
  const { upBytesPerSecond: up, downBytesPerSecond: down, delay } = conditions;
  const tc = (...argv: string[]): Command => ({ argv: ['tc', ...argv] });
  const ip = (...argv: string[]): Command => ({ argv: ['ip', ...argv] });
  const commands = [...UNSHAPED];
  if (up !== undefined || delay) {
    commands.push(...shaped(OUT, 'dst', up, around, delay).map((argv) => tc(...argv)));
  }
  if (down !== undefined) {
    commands.push(
      ip('link', 'add', IN, 'type', 'ifb'),
      ip('link', 'set', IN, 'up'),
      ...shaped(IN, 'src', down, around).map((argv) => tc(...argv)),
      tc('qdisc', 'add', 'dev', OUT, 'ingress'),
      tc(
        ...['filter', 'add', 'dev', OUT, 'parent', 'ffff:', 'protocol', 'all', 'u32', 'match', 'u32', '0', '0'],
        ...['action', 'mirred', 'egress', 'redirect', 'dev', IN],
      ),
    );
  }
  return commands;
}

function shaped(
  device: string,
  side: 'src' | 'dst',
  limit: number | undefined,
  around: Surroundings,
  delay?: NetworkConditions['delay'],
): string[][] {
  const rate = limit === undefined ? UNLIMITED_BYTES_PER_SECOND : Math.round(limit * wirePerContent(around.mtuBytes));
  const burst = Math.max(LEAST_BURST_BYTES, Math.round(rate * BURST_SECONDS));
  const queueBytes = Math.max(LEAST_QUEUE_BYTES, Math.round(rate * QUEUE_SECONDS));
  const classOf = (id: string, bytesPerSecond: number, burstBytes: number) => [
    ...['class', 'add', 'dev', device, 'parent', '1:', 'classid', id],
    ...['htb', 'rate', `${bytesPerSecond}bps`, 'burst', `${burstBytes}b`, 'cburst', `${burstBytes}b`],
    ...['quantum', '60000'],
  ];
  return [
    ['qdisc', 'add', 'dev', device, 'root', 'handle', '1:', 'htb', 'default', '20'],
    classOf('1:10', UNLIMITED_BYTES_PER_SECOND, UNLIMITED_BYTES_PER_SECOND * BURST_SECONDS),
    classOf('1:20', rate, burst),
    ['qdisc', 'add', 'dev', device, 'parent', '1:20', 'handle', '20:', ...queue(queueBytes, delay, around)],
    [
      ...['filter', 'add', 'dev', device, 'parent', '1:', 'protocol', 'ip', 'prio', '1'],
      ...['u32', 'match', 'ip', side, `${around.gateway}/32`, 'flowid', '1:10'],
    ],
  ];
}

/** What waits for its turn; or, with a delay, for its time: then what the delay holds back has its place in the queue, too. */
function queue(bytes: number, delay: NetworkConditions['delay'], { mtuBytes }: Surroundings): string[] {
  if (!delay) return ['bfifo', 'limit', `${bytes}`];
  const { byMs, jitterMs } = delay;
  const jitter = jitterMs > 0 ? [`${jitterMs}ms`, 'distribution', 'normal'] : [];
  const held = bytes * (1 + (byMs + jitterMs) / 1000 / QUEUE_SECONDS);
  const packets = Math.min(MAX_DELAYED_PACKETS, Math.ceil(held / mtuBytes));
  return ['netem', 'delay', `${byMs}ms`, ...jitter, 'limit', `${packets}`];
}

/** Limits are given in content bytes, the kernel counts headers too. */
function wirePerContent(mtuBytes: number): number {
  return (mtuBytes + ETHERNET_BYTES) / (mtuBytes - HEADER_BYTES);
}
