import type { Config } from '#base/config.ts';
import { DirectoryApi } from '#base/directory-client.ts';
import { type HttpService, type HttpServiceInit, startHttpService } from '#base/http-service.ts';
import type { Logger } from '#base/logger.ts';
import { createMetrics, type Metrics } from '#base/metrics.ts';
import { Slots } from '#base/slots.ts';
import { addressText } from '#proto/addresses.ts';
import type { PEER_ENV } from '#proto/env.ts';
import { reasonOf } from '#proto/errors.ts';
import { advertisedAddress } from './advertise.ts';
import { Batches } from './client/batches.ts';
import { Downloads } from './client/downloads.ts';
import { PeerClients } from './client/peer-clients.ts';
import { Uploads } from './client/uploads.ts';
import { controlRoutes } from './control.ts';
import { diallable, nearAddresses } from './directory/dialling.ts';
import { DirectorySession } from './directory/session.ts';
import { TicketBook } from './directory/tickets.ts';
import { RateLimits } from './rate-limit.ts';
import { PeerServer } from './server/peer-server.ts';
import { Quota } from './server/quota.ts';
import { SendMemory } from './server/send-memory.ts';
import { PieceMemory } from './share/piece-memory.ts';
import { Share } from './share/share.ts';
import { peerTls } from './tls.ts';
import { TransferMeter } from './transfer-meter.ts';

/** Transfers that wait for a slot; more get `busy`. */
const MAX_WAITING_TRANSFERS = 10_000;
const MAX_CONTROL_BODY_BYTES = 64 * 1024;
/** An orderly stop: what each part of it may take. The service's own deadline is above their sum. */
const LOGOUT_TIMEOUT_MS = 1000;
const DRAIN_MS = 3000;

export interface Peer {
  /** Where it serves others, as it tells the directory: `ip:port`. */
  readonly address: string;
  readonly grpcPort: number;
  readonly controlPort: number;
  /** Resolves after the first scan of the share. */
  readonly scanned: Promise<void>;
  stop(): Promise<void>;
}

/** How a peer gets its control port: one of its own, or a place on that of its host (host.ts). */
export type OpenControl = (init: HttpServiceInit) => Promise<HttpService>;

/** What the peers of one process share: it has one memory, however many they are. */
export class TransferMemory {
  readonly pieces = new PieceMemory();
  readonly sending = new SendMemory();
}

/** Starts a whole peer; it answers on both ports when this returns, and logs in only when told to, or with `PEER_LOGIN`. */
export async function startPeer(
  config: Config<typeof PEER_ENV>,
  logger: Logger,
  openControl: OpenControl = (init) => startHttpService(init, config.PEER_HOST, config.PEER_CONTROL_PORT),
  memory = new TransferMemory(),
): Promise<Peer> {
  const metrics = createMetrics('peer');
  const meter = new TransferMeter(metrics);
  await using unwound = new AsyncDisposableStack();
  const share = unwound.use(await Share.open(config.PEER_SHARE_DIR, logger, memory.pieces));
  const stallTimeoutMs = config.PEER_STALL_TIMEOUT;
  const publish = () =>
    directory.publish().catch((error) => logger.warn({ reason: reasonOf(error) }, 'the directory could not be told'));
  const sending = new RateLimits({ total: config.PEER_UPLOAD_LIMIT, each: config.PEER_UPLOAD_LIMIT_EACH });
  const receiving = new RateLimits({ total: config.PEER_DOWNLOAD_LIMIT, each: config.PEER_DOWNLOAD_LIMIT_EACH });
  const tickets = new TicketBook({ open: config.PEER_OPEN, trusted: config.PEER_TRUSTED_NETWORKS });
  const tls = await peerTls(config);
  if (!tls?.server) logger.warn('without TLS: files and tickets cross the network as they are');
  if (config.PEER_OPEN) logger.warn('open: anybody may fetch from this peer and store files at it');
  const server = await PeerServer.start({
    ...{ share, meter, logger, publish, stallTimeoutMs, sending, receiving, credentials: tls?.server },
    memory: memory.sending,
    swarm: {
      reciprocity: config.PEER_RECIPROCITY,
      gotFrom: (address) => downloads.gotFrom(address),
      met: (sha256, address) => downloads.met(sha256, address),
    },
    admit: (call) => tickets.admit(call),
    vouched: (call) => tickets.vouched(call),
    pull: async (offer, from, signal) => {
      const { bytes, sources } = await downloads.withoutSlot({ ...offer, from }, signal);
      return { bytes, cut: sources.some(({ cut }) => cut) };
    },
    quota: new Quota({
      maxFileBytes: config.PEER_MAX_UPLOAD,
      maxShareBytes: config.PEER_UPLOAD_QUOTA,
      shareBytes: () => share.bytes,
    }),
    host: config.PEER_HOST,
    port: config.PEER_PORT,
    maxStreams: config.PEER_MAX_STREAMS,
    maxQueue: config.PEER_MAX_QUEUE,
  });
  const address = advertisedAddress(config.PEER_ADVERTISE, config.PEER_HOST, server.port);
  const near = nearAddresses(address.ip, config.PEER_DIRECTORY_URL);
  const directory = new DirectorySession({
    ...{ share, logger, address },
    api: new DirectoryApi(config.PEER_DIRECTORY_URL, tls?.ca, (dateMs) => tickets.hear(dateMs)),
    onTicket: (given) => tickets.learn(given),
    load: () => ({ ...meter.load, capacity: config.PEER_MAX_STREAMS }),
    diallable: (found) => diallable(found, near, config.PEER_TRUSTED_NETWORKS),
    user: config.PEER_USER,
    password: config.PEER_PASSWORD,
    onLease: (held) => metrics.gauge('peerlab_logged_in').set(held ? 1 : 0),
  });
  const clients = new PeerClients({ sending, receiving, interceptor: tickets.interceptor, credentials: tls?.client });
  const slots = new Slots(config.PEER_MAX_DOWNLOADS, MAX_WAITING_TRANSFERS);
  const self = addressText(address);
  const downloads = new Downloads({
    ...{ share, directory, clients, meter, slots, stallTimeoutMs, self },
    swarms: config.PEER_SWARM,
  });
  const uploads = new Uploads({
    ...{ share, clients, meter, slots, sending, stallTimeoutMs, logger },
    canOffer: () => tickets.hasOwn,
  });
  const batches = new Batches({ share, directory, clients, meter, downloads, slots, stallTimeoutMs, self });
  let isReady = false;
  const scanned = share.start().then(() => {
    isReady = true;
    if (config.PEER_LOGIN) directory.loginWhenPossible();
  });
  share.on('changed', () => {
    countShare(metrics, share);
    void publish();
  });
  const control = await openControl({
    ...{
      logger,
      registry: metrics.registry,
      maxBodyBytes: MAX_CONTROL_BODY_BYTES,
      isReady: () => isReady && share.trouble === undefined && directory.loginOwed === undefined,
      whyNot: () => share.trouble?.message ?? directory.loginOwed,
    },
    routes: controlRoutes({
      ...{ share, scanned, directory, downloads, batches, uploads },
      token: config.PEER_CONTROL_TOKEN,
    }),
  }).catch(async (error) => {
    await stopAll({ server, directory, clients });
    throw error;
  });
  unwound.move();
  return {
    address: self,
    grpcPort: server.port,
    controlPort: control.port,
    scanned,
    stop: async () => {
      await stopAll({ control, server, directory, clients });
      await share[Symbol.asyncDispose]();
    },
  };
}

interface Parts {
  control?: HttpService;
  server: PeerServer;
  directory: DirectorySession;
  clients: PeerClients;
}

/** Leaves the index first, so that nobody comes any more; lets transfers end for a while; then closes all. */
async function stopAll({ control, server, directory, clients }: Parts): Promise<void> {
  await directory.close(LOGOUT_TIMEOUT_MS);
  await Promise.all([control?.close(DRAIN_MS), server.close(DRAIN_MS)]);
  clients[Symbol.dispose]();
}

function countShare(metrics: Metrics<'peer'>, share: Share): void {
  metrics.gauge('peerlab_share_files').set(share.fileCount);
  metrics.gauge('peerlab_share_bytes').set(share.bytes);
  metrics.gauge('peerlab_share_available').set(share.trouble ? 0 : 1);
}
