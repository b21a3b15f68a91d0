import type { Express, Request, RequestHandler, Response } from 'express';
import type { Logger } from '#base/logger.ts';
import { type Address, addressText, canonicalIp, isIpv6, parseAddress } from '#proto/addresses.ts';
import { DIRECTORY } from '#proto/directory-api.ts';
import { isLoopback, mayRegister, type Networks } from '#proto/networks.ts';
import type { Bodies } from '../body.ts';
import { callerIp } from '../caller-ip.ts';
import type { Registry } from '../registry.ts';
import type { Keeping } from '../storage/keeping.ts';
import { newToken } from '../tokens.ts';
import { type SdP2pPeers, searchedNames } from './peers.ts';

export interface SdP2pComponents {
  peers: SdP2pPeers;
  registry: Registry;
  bodies: Bodies;
  logger: Logger;
  keeping: Pick<Keeping, 'change'>;
}

export interface SdP2pInit {
  trusted: Networks | undefined;
  maxFiles: number;
}

/** An answer of the predecessor: its status, its keys, its words. */
interface Answer {
  readonly status: number;
  readonly body: object;
}

const answer = (status: number, body: object): Answer => ({ status, body });
const MISSING = 'Faltan datos';
const FULL = answer(400, { Error: 'El directorio está lleno' });

/** Said at every start with the dialect on: what it does not have. */
export const SD_P2P_EXCEPTIONS =
  'the SD_P2P dialect is on: its registrations have no lease, no owner and no proof of address on loopback or in trusted networks, its files no hash; anybody may change or end them, and its peers can fetch only from open ones (PEER_OPEN=1)';

/**
 * The dialect of the predecessor: the same paths, told apart by what is sent. A login with `files` is ours, and so is
 * everything with an Authorization header; all else is taken for the dialect.
 */
export function sdP2pRoutes(parts: SdP2pComponents, { trusted, maxFiles }: SdP2pInit): (app: Express) => void {
  const { peers, registry, bodies, logger, keeping } = parts;

  /** `isOurs` is asked before the dialect answers. */
  function dialect(
    isOurs: (req: Request, body: Fields) => boolean,
    respond: (body: Fields, req: Request) => Answer | Promise<Answer>,
  ): RequestHandler {
    return async (req, res, next) => {
      if (req.headers.authorization !== undefined) return next();
      const body = await fieldsOf(req, res);
      if (isOurs(req, body)) return next();
      const { status, body: said } = await respond(body, req);
      res.status(status).json(said);
    };
  }

  async function fieldsOf(req: Request, res: Response): Promise<Fields> {
    const body = (await bodies.peek(req, res)) ?? NO_BODY;
    return typeof body === 'object' ? (body as Fields) : {};
  }

  async function login(body: Fields, req: Request): Promise<Answer> {
    const place = placeOf(body);
    const names = namesOf(body.archivos, maxFiles);
    const user = textOf(body.user);
    if (user === undefined || textOf(body.password) === undefined || !place || !names) {
      return answer(400, { Error: `${MISSING} (user, password, ip,port o files)` });
    }
    const from = callerIp(req);
    const isLocal = from !== undefined && isLoopback(from) && isLoopback(place.ip);
    if (!isLocal && !mayRegister(place.ip, from, trusted)) {
      logger.warn({ dialect: 'SD_P2P', ip: place.ip, from }, 'a login for an address that is not its own was refused');
      return answer(400, { Error: 'La ip no es la de este peer' });
    }
    const address = addressText(place);
    return keeping.change(() => {
      if (isThere(address)) return answer(400, { message: 'Peer ya se encuentra conectado' });
      if (peers.isFull || !hasRoomFor(address, names)) return FULL;
      peers.enter({ user, ...place, files: names, enteredAtMs: Date.now() });
      logger.info({ dialect: 'SD_P2P', user, address, files: names.length }, 'login');
      return answer(200, { estado: 'OK', token: newToken() });
    });
  }

  function index(body: Fields): Answer {
    const place = placeOf(body);
    // Some of its peers send no body, and are not asked who they are.
    const isKnown = body === NO_BODY || (place && isThere(addressText(place)));
    if (!isKnown) return answer(400, { mensaje: 'Peer no está conectado' });
    const lists = [...peers.all().map(({ files }) => files), ...registry.nameLists()].filter(
      ({ length }) => length > 0,
    );
    return lists.length > 0 ? answer(200, { files: lists }) : answer(404, { error: 'No hay archivos' });
  }

  function search(body: Fields): Answer {
    const name = textOf(body.archivo);
    if (name === undefined) return answer(400, { error: 'Falta el nombre del archivo a buscar' });
    const holders = [...peers.holding(name), ...registry.holdersOf(name)].map(({ user, ip, port }) => ({
      url: urlOf(addressText({ ip, port })),
      ip,
      // The predecessor forgets the user at loadfiles, and says null from then on.
      nombre: user === '' ? null : user,
    }));
    return holders.length > 0 ? answer(200, { peers: holders }) : answer(404, { mensaje: 'Archivo no encontrado' });
  }

  async function loadfiles(body: Fields): Promise<Answer> {
    const place = placeOf(body);
    const names = namesOf(body.archivos, maxFiles);
    if (!place || !names) return answer(400, { Error: `${MISSING} (ip, port o files)` });
    const address = addressText(place);
    return keeping.change(() => {
      const known = peers.saved(address);
      if (!known || !peers.has(address)) return answer(400, { message: 'Peer no está conectado' });
      if (!hasRoomFor(address, names)) return FULL;
      peers.enter({ ...known, user: '', files: names });
      return answer(200, { estado: 'OK' });
    });
  }

  async function logout(body: Fields): Promise<Answer> {
    if (!body.ip || !(body.port || body.url)) return answer(400, { error: `${MISSING} (ip o url)` });
    const place = placeOf(body);
    const address = place && addressText(place);
    return keeping.change(() => {
      if (!address || !peers.has(address)) return answer(404, { error: 'Peer no encontrado' });
      peers.remove(address);
      logger.info({ dialect: 'SD_P2P', address }, 'logout');
      return answer(200, { mensaje: `Peer ('${urlOf(address)}', '${place.ip}') desconectado correctamente.` });
    });
  }

  const isThere = (address: string) => peers.has(address) || registry.userAt(address) !== undefined;
  const hasRoomFor = (address: string, names: readonly string[]) =>
    peers.hasRoomFor(address, names, registry.counts().files);
  const never = () => false;

  return (app) => {
    app.post(
      DIRECTORY.login.path,
      dialect((_req, body) => Object.hasOwn(body, 'files'), login),
    );
    // What has a query and no body is one of ours without its token.
    app.get(
      DIRECTORY.index.path,
      dialect((req, body) => Object.keys(body).length === 0 && isQuery(req), index),
    );
    app.get(
      DIRECTORY.search.path,
      dialect((req, body) => Object.keys(body).length === 0 && isQuery(req), search),
    );
    app.put(
      DIRECTORY.loadfiles.path,
      dialect((_req, body) => Object.hasOwn(body, 'files'), loadfiles),
    );
    app.post(DIRECTORY.logout.path, dialect(never, logout));
  };
}

type Fields = Record<string, unknown>;
const NO_BODY: Fields = {};

function isQuery(req: Request): boolean {
  return Object.keys(req.query).length > 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= 1024 ? value : undefined;
}

function urlOf(address: string): string {
  return `http://${address}`;
}

/** `port` comes as a number or as text; some of its peers log out by `url` instead. */
function placeOf(fields: Fields): Address | undefined {
  const ip = typeof fields.ip === 'string' ? canonicalIp(fields.ip) : undefined;
  if (ip === undefined) return undefined;
  const { port } = fields;
  if (typeof port === 'number' || typeof port === 'string')
    return parseAddress(`${isIpv6(ip) ? `[${ip}]` : ip}:${port}`);
  const named = typeof fields.url === 'string' ? parseAddress(fields.url.replace(urlOf(''), '')) : undefined;
  return named?.ip === ip ? named : undefined;
}

/** At least one name; undefined when it is no list of names. */
function namesOf(value: unknown, maxFiles: number): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxFiles) return undefined;
  if (!value.every((name) => textOf(name) !== undefined)) return undefined;
  return searchedNames(value).length > maxFiles ? undefined : value;
}
