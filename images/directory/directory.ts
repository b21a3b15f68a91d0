import { type HttpService, startHttpService, type Tls } from '#base/http-service.ts';
import type { Logger } from '#base/logger.ts';
import { createMetrics, type Metrics } from '#base/metrics.ts';
import { addressText } from '#proto/addresses.ts';
import { DIRECTORY } from '#proto/directory-api.ts';
import type { Networks } from '#proto/networks.ts';
import { Accounts } from './accounts.ts';
import { Bodies } from './body.ts';
import { handlersOf } from './handlers.ts';
import { LOWEST_COST, type PasswordCost } from './passwords.ts';
import { Registry, type RegistryLimits } from './registry.ts';
import { directoryRoutes } from './routes.ts';
import { SdP2pPeers } from './sd-p2p/peers.ts';
import { SD_P2P_EXCEPTIONS, sdP2pRoutes } from './sd-p2p/routes.ts';
import { IN_MEMORY, type Keeping } from './storage/keeping.ts';
import type { PostgresStore } from './storage/postgres-store.ts';
import type { Memory, Store } from './storage/state.ts';
import { newTicketKey, Tickets } from './tickets.ts';

export interface DirectoryInit {
  host: string;
  /** 0 takes a free one. */
  port: number;
  leaseMs: number;
  logger: Logger;
  /** Where the state is kept, a folder or a PostgreSQL database; in memory when there is neither. */
  dataDir?: string | undefined;
  databaseUrl?: string | undefined;
  tokenMs?: number;
  maxBodyBytes?: number;
  maxFiles?: number;
  maxAccounts?: number;
  limits?: RegistryLimits;
  trusted?: Networks | undefined;
  passwordCost?: PasswordCost;
  openAccounts?: boolean;
  /** Users and the hashes of their passwords, beside those in the storage and stronger than they. */
  accounts?: ReadonlyMap<string, string>;
  tls?: Tls | undefined;
  /** Speaks the dialect too; registrations in it hold for so long, or until logout. */
  sdP2p?: { lifetimeMs: number | undefined } | undefined;
  /** A clock that never goes back, in milliseconds; default: the process's own. */
  now?: () => number;
}

/** Expired peers are never shown; this bounds how long they take up memory while nobody asks. */
const SWEEP_INTERVAL_MS = 1000;
/** Bodies that come in at one time, as a multiple of the largest one. */
const BODIES_AT_ONE_TIME = 2;

const DEFAULTS = {
  tokenMs: 12 * 3_600_000,
  maxBodyBytes: 32 * 1024 * 1024,
  maxFiles: 100_000,
  maxAccounts: 100_000,
  limits: { peers: 20_000, peersPerUser: 1000, files: 1_000_000 },
  passwordCost: LOWEST_COST,
  openAccounts: true,
  now: () => performance.now(),
};

/** What is remembered, and where the memory of it is kept. */
interface State {
  readonly registry: Registry;
  readonly accounts: Accounts;
  readonly sdP2pPeers: SdP2pPeers;
  readonly tickets: Tickets;
  readonly keeping: Keeping;
}

/** Starts a directory. @throws PeerLabError when the saved state can't be read, or the address is taken */
export async function startDirectory(given: DirectoryInit): Promise<HttpService> {
  const init = { ...DEFAULTS, ...given };
  const { host, port, logger, maxBodyBytes, maxFiles, trusted, tls } = init;
  const metrics = createMetrics('directory');
  const state = await openState(init, metrics);
  const { registry, accounts, tickets, sdP2pPeers, keeping } = state;
  if (init.sdP2p) logger.warn(SD_P2P_EXCEPTIONS);
  measureRegistry(metrics, registry);
  const roomForBodies = { maxBytes: maxBodyBytes, maxTotalBytes: BODIES_AT_ONE_TIME * maxBodyBytes };
  const bodies = new Bodies(roomForBodies);
  const peerBodies = new Bodies(roomForBodies);

  const requests = metrics.counter('peerlab_directory_requests_total');
  const seconds = metrics.histogram('peerlab_directory_request_seconds');
  const ages = metrics.histogram('peerlab_directory_answer_age_seconds');
  const ageOf = { index: ages.labels(DIRECTORY.index.path), search: ages.labels(DIRECTORY.search.path) };
  const service = await startHttpService(
    {
      logger,
      registry: metrics.registry,
      isReady: () => keeping.failure === undefined && keeping.isCurrent(),
      whyNot: () => keeping.failure?.message,
      logRequests: false,
      ...(tls && { tls }),
      observe: (endpoint, method, status, took) => {
        requests.inc({ endpoint, method, status });
        seconds.observe({ endpoint }, took);
      },
      routes: (app) => {
        const common = { registry, logger, keeping };
        if (init.sdP2p) sdP2pRoutes({ ...common, bodies, peers: sdP2pPeers }, { trusted, maxFiles })(app);
        const onAnswer = (endpoint: keyof typeof ageOf, ageMs: number) => ageOf[endpoint].observe(ageMs / 1000);
        const handlers = handlersOf({ ...common, accounts, tickets, sdP2pPeers, onAnswer }, { trusted });
        const rules = { maxFiles, sdP2p: init.sdP2p !== undefined };
        directoryRoutes({ handlers, registry, keeping, bodies, peerBodies }, rules)(app);
      },
    },
    host,
    port,
  ).catch(async (error) => {
    await keeping.close();
    throw error;
  });
  const sweeper = setInterval(() => registry.sweep(), SWEEP_INTERVAL_MS);
  return {
    port: service.port,
    close: async (graceMs) => {
      clearInterval(sweeper);
      await service.close(graceMs);
      await keeping.close();
    },
  };
}

/** The state as it was left, or a new one. */
async function openState(init: typeof DEFAULTS & DirectoryInit, metrics: Metrics<'directory'>): Promise<State> {
  const { leaseMs, tokenMs, limits, now, logger } = init;
  let keeping = IN_MEMORY;
  const registry = new Registry({
    ...{ leaseMs, tokenMs, limits, now },
    onChanged: (address) => keeping.touch('peers', address),
    onExpired: ({ peer, address }) => {
      metrics.counter('peerlab_directory_leases_expired_total').inc();
      logger.info({ user: peer.user, address }, 'lease ended');
    },
  });
  const accounts = new Accounts({
    ...{ cost: init.passwordCost, open: init.openAccounts, maxAccounts: init.maxAccounts, now },
    onCreated: (user) => keeping.touch('accounts', user),
  });
  const sdP2pPeers = new SdP2pPeers({
    ...{ lifetimeMs: init.sdP2p?.lifetimeMs, maxPeers: limits.peers, maxFiles: limits.files },
    onChanged: (address) => keeping.touch('sdP2pPeers', address),
  });
  const parts = { registry, accounts, sdP2pPeers };
  const store = await openStore(init);
  if (!store) {
    enterGiven(accounts, init);
    return { ...parts, tickets: Tickets.withKey(newTicketKey()), keeping };
  }
  try {
    const saved = await store.load();
    for (const { user, passwordHash } of saved.accounts) accounts.restore(user, passwordHash);
    enterGiven(accounts, init);
    for (const peer of saved.peers) registry.restore(peer);
    // With the dialect off they stay where they are kept, and are shown to nobody.
    if (init.sdP2p) for (const peer of saved.sdP2pPeers) sdP2pPeers.restore(peer);
    const tickets = Tickets.withKey(await store.secret('ticket-key', newTicketKey));
    const { peers, files } = registry.counts();
    logger.info({ accounts: saved.accounts.length, peers, files }, 'state read');
    keeping = await keepingIn(store, parts, init);
    // A login of ours takes the place of theirs; while the dialect is off, there is nobody whom it could take it from.
    for (const address of saved.sdP2pPeers.map(addressText)) {
      if (registry.userAt(address) !== undefined) sdP2pPeers.remove(address);
    }
    return { ...parts, tickets, keeping };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** Accounts of the file are stronger than those that were saved. */
function enterGiven(accounts: Accounts, { accounts: given = new Map() }: DirectoryInit): void {
  for (const [user, hash] of given) accounts.restore(user, hash);
}

/** Loaded only here: a directory does not pay for what it does not use. */
async function openStore({ dataDir, databaseUrl }: DirectoryInit): Promise<Store | undefined> {
  if (databaseUrl !== undefined) return (await import('./storage/postgres-store.ts')).PostgresStore.open(databaseUrl);
  return dataDir === undefined ? undefined : (await import('./storage/sqlite-store.ts')).SqliteStore.open(dataDir);
}

async function keepingIn(
  store: Store,
  { registry, accounts, sdP2pPeers }: Pick<State, 'registry' | 'accounts' | 'sdP2pPeers'>,
  { accounts: given, sdP2p, databaseUrl, logger }: DirectoryInit,
): Promise<Keeping> {
  const memory: Memory = {
    accounts: {
      get: (user) => accounts.saved(user),
      set: (user, hash) => {
        if (given?.has(user)) return;
        if (hash === undefined) accounts.forget(user);
        else accounts.restore(user, hash);
      },
      keys: () => accounts.users(),
    },
    peers: {
      get: (address) => registry.saved(address),
      set: (address, saved) => registry.follow(address, saved),
      keys: () => registry.addresses(),
    },
    sdP2pPeers: {
      get: (address) => sdP2pPeers.saved(address),
      set: (address, saved) => {
        if (!sdP2p) return;
        if (saved) sdP2pPeers.restore(saved);
        else sdP2pPeers.remove(address);
      },
      keys: () => sdP2pPeers.addresses(),
    },
  };
  if (databaseUrl === undefined) return new (await import('./storage/journal.ts')).Journal({ store, memory, logger });
  return new (await import('./storage/replica.ts')).Replica({
    ...{ store: store as PostgresStore, memory, logger },
    rankAt: (address) => registry.rankAt(address),
    onRenewed: (address, rank) => registry.renewAt(address, rank),
    onReturn: () => registry.renewAll(),
  });
}

/** The gauges are read when they are asked for, so they are never behind the index. */
function measureRegistry(metrics: Metrics<'directory'>, registry: Registry): void {
  const peers = metrics.gauge('peerlab_directory_peers_online');
  const files = metrics.gauge('peerlab_directory_files_indexed');
  // The library's types offer `collect` to the constructor only; the object has it too.
  Object.assign(peers, { collect: () => peers.set(registry.counts().peers) });
  Object.assign(files, { collect: () => files.set(registry.counts().files) });
}
