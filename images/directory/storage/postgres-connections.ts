import type { PostgresPool } from 'kysely';
import pg from 'pg';

/** Connections to PostgreSQL that give up in time, whatever the server or the network does. */

export interface Timeouts {
  readonly connectMs: number;
  readonly statementMs: number;
  readonly lockMs: number;
  /** A directory that is frozen amid a transaction must not keep the others from writing. */
  readonly idleInTransactionMs: number;
}

/** The server's own limit comes first, and says more. */
const LATER_THAN_SERVER_MS = 1000;
/** Of changes, and of what is read beside them at the start. */
const CONNECTIONS = 2;
const RECONNECT_MS = 1000;
const KEEP_ALIVE_AFTER_MS = 5000;
/** A server that hangs does not say goodbye. */
const GOODBYE_MS = 1000;
const INT8 = pg.types.builtins.INT8;

function configOf(url: string, { connectMs, statementMs, lockMs, idleInTransactionMs }: Timeouts): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'peerlab directory',
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    query_timeout: statementMs + LATER_THAN_SERVER_MS,
    lock_timeout: lockMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    // Versions are far below 2^53.
    types: { getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) },
  };
}

/** For kysely. A connection on which something was not answered is not used again. */
export function poolOf(url: string, timeouts: Timeouts): PostgresPool {
  const pool = new pg.Pool({ ...configOf(url, timeouts), max: CONNECTIONS, allowExitOnIdle: true });
  // One that is lost while nobody uses it: the next question opens another.
  pool.on('error', () => {});
  return {
    options: pool.options,
    end: () => atMost(pool.end()),
    connect: async () => guarded(await pool.connect()),
  };
}

async function atMost(goodbye: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, GOODBYE_MS);
  await Promise.race([goodbye.catch(() => {}), promise]);
  clearTimeout(timer);
}

type Connected = Awaited<ReturnType<PostgresPool['connect']>>;

const guards = new WeakMap<pg.PoolClient, Connected>();

/** The same for each time that the pool gives the connection out: kysely knows it by its identity. */
function guarded(client: pg.PoolClient): Connected {
  const known = guards.get(client);
  if (known) return known;
  let broken: Error | undefined;
  client.on('error', (error) => {
    broken = error;
  });
  const query = async (text: string, parameters: readonly unknown[]) => {
    if (broken) throw broken;
    try {
      return await client.query(text, [...parameters]);
    } catch (error) {
      // What the server said is an answer; all else leaves open what it does, and the next question would wait behind it.
      if (!(error instanceof pg.DatabaseError)) broken = error as Error;
      throw error;
    }
  };
  const release = (discard?: boolean) => client.release(discard || broken !== undefined);
  const guard = { query, release } as unknown as Connected;
  guards.set(client, guard);
  return guard;
}

/** Hears NOTIFY on a connection of its own, and comes back when that is lost. */
export class Listener {
  readonly #connect: () => Promise<void>;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(url: string, channel: string, timeouts: Timeouts, onNotice: () => void) {
    this.#connect = async () => {
      const client = new pg.Client(configOf(url, timeouts));
      this.#client = client;
      client.on('notification', onNotice);
      client.on('error', () => this.#lost(client));
      client.on('end', () => this.#lost(client));
      try {
        await client.connect();
        await client.query(`listen ${client.escapeIdentifier(channel)}`);
        // What came before it listened.
        onNotice();
      } catch {
        this.#lost(client);
      }
    };
    void this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    if (client) await atMost(client.end());
  }

  #lost(client: pg.Client): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    client.end().catch(() => {});
    this.#retry = setTimeout(() => void this.#connect(), RECONNECT_MS).unref();
  }
}
