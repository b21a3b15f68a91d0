import type { OperationEvent, Proof } from '../../lab/history/events.ts';
import type { EventKind, EventOf, RunEvent } from '../../lab/history/run-event.ts';
import { Draft } from './draft.ts';
import {
  DIRECTORY,
  linkKey,
  MAX_CONTENTS,
  newInstance,
  receiverOf,
  type Scene,
  type Step,
  type Tally,
} from './scene.ts';
import { addBytes, covered } from './throughput.ts';

/** THE FOLD: what each kind of event changes in a scene. Kinds that stand not here change only what time it is. */

type Fold<K extends EventKind> = (draft: Draft, event: EventOf<K>) => void;

/** The scene after these events. The one before stays as it is. */
export function fold(scene: Scene, events: readonly RunEvent[]): Scene {
  if (events.length === 0) return scene;
  const draft = new Draft(scene);
  for (const event of events) {
    draft.scene.now = Math.max(draft.scene.now, event.at);
    (FOLDS[event.kind] as Fold<EventKind> | undefined)?.(draft, event);
  }
  return draft.scene;
}

const RECEIVED = 'peerlab_transfer_bytes_total{direction="received"}';
const LOGGED_IN = 'peerlab_logged_in';

const FOLDS: { readonly [K in EventKind]?: Fold<K> } = {
  'run-began': ({ scene }, { run }) => {
    scene.run = run;
    scene.stage = 'set-up';
    const peers = run.peers.map(({ name, group, host, address, program }) =>
      newInstance(name, { group, host, address, program }),
    );
    scene.instances = new Map([newInstance(DIRECTORY), ...peers].map((one) => [one.name, one]));
    scene.names = new Map(peers.flatMap(({ name, address }) => (address === undefined ? [] : [[address, name]])));
    scene.steps = new Map(run.steps.map(({ id, label }) => [id, newStep(id, label)]));
  },
  'phase-began': ({ scene }, { what, total = 0 }) => {
    scene.phase = { what, total, done: 0 };
  },
  'phase-ended': ({ scene }) => {
    scene.phase = undefined;
  },
  note: (draft, { at, text }) => draft.remark({ at, text }),
  trouble: (draft, { at, code, message }) => draft.remark({ at, code, text: message }),
  'share-recorded': (draft, { file }) => gets(draft, file.peer, file.name, file.size),

  'instance-started': (draft, { instance }) => {
    for (const one of draft.alike(instance)) Object.assign(one, { life: 'starting', how: undefined });
  },
  'instance-ready': (draft, { instance, address, role }) => {
    Object.assign(draft.instance(instance), { life: 'up', how: undefined, address });
    if (role === 'peer') draft.map('names').set(address, instance);
    oneDone(draft);
  },
  'instance-ended': (draft, { instance, asked, how }) => {
    for (const one of draft.alike(instance))
      Object.assign(one, { life: asked ? 'ended' : 'lost', how, loggedIn: false });
  },

  'steps-began': ({ scene }, { setupSeconds }) => {
    Object.assign(scene, { stage: 'steps', phase: undefined, setupSeconds });
  },
  'steps-ended': ({ scene }, { at }) => {
    Object.assign(scene, { stage: 'closing', durationSeconds: at });
  },
  'step-began': (draft, { at, step, label, total }) => {
    Object.assign(draft.step(step), { began: at, ended: undefined, label, total });
  },
  'step-ended': (draft, { at, step, taken }) => {
    Object.assign(draft.step(step), { ended: at, taken });
  },
  'operation-began': (draft, { at, kind: _, ...what }) => {
    const { id, operation, peer, file, to, step, deadlineSeconds } = what;
    draft.map('underWay').set(id, { id, step, operation, peer, file, to, since: at, deadlineSeconds });
    const receiver = receiverOf(what);
    if (receiver === undefined || !draft.scene.instances.has(receiver)) return;
    const one = draft.instance(receiver);
    one.arrivals = { ...one.arrivals, since: draft.own(one.arrivals.since).set(id, at) };
  },
  'operation-ended': (draft, { operation }) => {
    draft.map('underWay').delete(operation.id);
    draft.scene.operations = draft.scene.operations.with([operation]);
    count(draft, operation);
    if (operation.outcome === 'ok') takeEffect(draft, operation);
    arrive(draft, operation);
    link(draft, operation);
  },
  observation: ({ scene }, { observation }) => {
    scene.observations = scene.observations.with([observation]);
  },
  'expectation-stands': (draft, { at, expression, actual, unit, ok }) => {
    draft.map('standings').set(expression, { at, actual, unit, ok });
  },

  'fault-begun': (draft, { at, fault, who, step }) => {
    Object.assign(openFault(draft, step, fault, who, at), { since: at });
    const one = draft.instance(who);
    one.faults = draft.own(one.faults).set(fault, at);
  },
  'fault-proved': (draft, { fault, who, step, proof }) => {
    // Read from files, the record of a fault may come a moment before its last proof, which it has.
    if (isRecorded(draft.scene, fault, who, proof)) return;
    // The probe before a fault comes before it begins.
    const known = openFault(draft, step, fault, who, proof.at);
    known.proofs = [...known.proofs, proof];
  },
  'fault-ended': (draft, { at, record }) => {
    const { kind, who, step, proofs, from, inForce, until, overtakenAt } = record;
    const known = openFault(draft, step, kind, who, from);
    Object.assign(known, { since: inForce ?? from, until: until ?? overtakenAt ?? at, proofs });
    const one = draft.instance(who);
    const held = draft.own(one.faults);
    held.delete(kind);
    one.faults = held;
  },

  sample: (draft, { at, instance, values }) => {
    if (!draft.scene.instances.has(instance)) return;
    const one = draft.instance(instance);
    one.values = { ...one.values, ...values };
    const isIn = values[LOGGED_IN];
    if (isIn !== undefined && isIn !== null) one.loggedIn = isIn > 0;
    scrape(draft, instance, at);
  },
  pieces: (draft, { peer, contents }) => {
    if (!draft.scene.instances.has(peer)) return;
    const one = draft.instance(peer);
    for (const { name, size, pieces, there, map } of contents) {
      // It may have been asked before its download ended, and answered after.
      if (one.files.has(name)) continue;
      one.pieces = draft.own(one.pieces).set(name, { size, pieces, there, map });
      const known = draft.map('contents');
      if (known.has(name) || known.size < MAX_CONTENTS) known.set(name, { size, pieces });
    }
  },
  'file-stored': (draft, { file }) => {
    // What is still unfinished lies below the share.
    if (file.kind === undefined && !file.name.includes('/')) gets(draft, file.peer, file.name, file.size);
  },
  'disk-read': oneDone,
  'run-ended': ({ scene }, { completed, leftovers }) => {
    Object.assign(scene, { stage: 'over', phase: undefined, completed, leftovers });
  },
};

function newStep(id: string, label: string): Step {
  return { id, label, began: undefined, ended: undefined, taken: false, total: 0, ok: 0, failed: 0 };
}

/** The one that is not over, to be changed: a step may do the same to an instance again. */
function openFault(draft: Draft, step: string, kind: string, who: string, since: number) {
  const key = (round: number) => JSON.stringify([step, kind, who, round]);
  let round = 1;
  while (draft.scene.faults.get(key(round))?.until !== undefined) round++;
  return draft.fault(key(round), { kind, who, step, since, until: undefined, proofs: [] });
}

/** One of those that the phase is about. */
function oneDone({ scene }: Draft): void {
  if (scene.phase) scene.phase = { ...scene.phase, done: scene.phase.done + 1 };
}

function isRecorded({ faults }: Scene, kind: string, who: string, { at, when }: Proof): boolean {
  const alike = [...faults.values()].filter((fault) => fault.kind === kind && fault.who === who);
  return alike.some(
    ({ until, proofs }) => until !== undefined && proofs.some((one) => one.at === at && one.when === when),
  );
}

function gets(draft: Draft, peer: string, file: string, size: number): void {
  const one = draft.instance(peer);
  if (one.files.get(file) !== size) one.files = draft.own(one.files).set(file, size);
  if (!one.pieces.has(file)) return;
  const rest = draft.own(one.pieces);
  rest.delete(file);
  one.pieces = rest;
}

/** In the tallies of its verb, its peer, its step and the steps around that. */
function count(draft: Draft, { operation, outcome, peer, step }: OperationEvent): void {
  const more = <T extends Tally>(known: T): T => ({ ...known, [outcome]: known[outcome] + 1 });
  const verbs = draft.map('verbs');
  verbs.set(operation, more(verbs.get(operation) ?? { ok: 0, failed: 0 }));
  // The place of a branch is that of no step.
  const steps = aroundOf(step).filter((id) => draft.scene.steps.has(id));
  for (const tally of [draft.instance(peer), ...steps.map((id) => draft.step(id))]) tally[outcome]++;
}

/** `3.2.1` is in `3.2`, which is in `3`. */
function aroundOf(step: string): string[] {
  const parts = step.split('.');
  return parts.map((_, n) => parts.slice(0, n + 1).join('.'));
}

function takeEffect(draft: Draft, operation: OperationEvent): void {
  if (operation.operation === 'login') draft.instance(operation.peer).loggedIn = true;
  if (operation.operation === 'logout') draft.instance(operation.peer).loggedIn = false;
  const receiver = receiverOf(operation);
  if (receiver !== undefined && operation.file !== undefined)
    gets(draft, receiver, operation.file, operation.told?.size ?? operation.bytes);
}

/** A transfer is over: where its bytes came while the peer's counter said nothing, they came evenly from its start to its end. */
function arrive(draft: Draft, operation: OperationEvent): void {
  const receiver = receiverOf(operation);
  if (receiver === undefined || !draft.scene.instances.has(receiver)) return;
  const { id, start, end, bytes } = operation;
  const one = draft.instance(receiver);
  const { arrivals } = one;
  const since = draft.own(arrivals.since);
  since.delete(id);
  const span = { from: start, to: end };
  if (arrivals.counter !== undefined) {
    one.arrivals = { ...arrivals, since, spans: [...arrivals.spans, span] };
    return;
  }
  one.arrivals = { ...arrivals, since, told: arrivals.told + bytes };
  addBytes(draft.bins(), [span], bytes);
}

/** A peer's counter grew since its last scrape: the bytes came while transfers to it were under way. */
function scrape(draft: Draft, peer: string, at: number): void {
  const one = draft.instance(peer);
  const { counter, scrapedAt, told, since, spans } = one.arrivals;
  const now = one.values[RECEIVED];
  if (now === undefined || now === null) return;
  // It counts from 0 again after a restart.
  const before = counter === undefined ? told : counter > now ? 0 : counter;
  const open = [...since.values()].map((from) => ({ from, to: at }));
  const when = covered([...spans, ...open], { from: scrapedAt, to: at });
  if (now > before) addBytes(draft.bins(), when, now - before);
  const seconds = at - scrapedAt;
  const bytesPerSecond = counter === undefined || seconds <= 0 ? 0 : (now - before) / seconds;
  one.arrivals = { counter: now, scrapedAt: at, bytesPerSecond, told, since, spans: [] };
}

/** Who sent how much to whom. */
function link(draft: Draft, operation: OperationEvent): void {
  const to = receiverOf(operation);
  if (to === undefined) return;
  const { bytes, end, peer, sources } = operation;
  const parts = operation.operation === 'upload' ? [{ peer, bytes }] : sources;
  for (const { peer: source, bytes: sent } of parts) {
    if (sent === 0) continue;
    const from = draft.scene.names.get(source) ?? source;
    const key = linkKey(from, to);
    const links = draft.map('links');
    const known = links.get(key) ?? { bytes: 0, transfers: 0 };
    links.set(key, { from, to, bytes: known.bytes + sent, transfers: known.transfers + 1, at: end });
    for (const [name, way] of [[from, 'sent'] as const, [to, 'received'] as const])
      if (draft.scene.instances.has(name)) draft.instance(name)[way] += sent;
  }
}
