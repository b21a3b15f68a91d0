import { PeerLabError } from '#proto/errors.ts';
import type { Limit } from '../../limit.ts';
import { type Failure, MEASURING_PORT, type Question, type Questions, REACHING_PORT } from './protocol.ts';

/** A container of the fault image, as its driver reaches it. */
export interface AgentContainer {
  /** For messages. */
  readonly name: string;
  /** Hands its agent a question in JSON. @returns what it says, and what it complains of. @throws PeerLabError of its driver */
  ask(question: string, timeoutMs: number): Promise<{ readonly out: string; readonly err: string }>;
  /** Its end comes with it; nobody waits for it to end in order, it has nothing to say. */
  remove(): Promise<void>;
}

/** For a question to be answered, the time that it asks for itself not included. */
const ANSWER_TIMEOUT_MS = 30_000;
const DIAL_TIMEOUT_MS = 2000;
const WITNESS_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

type Answer<Q extends Question> = Questions[Q['do']]['answer'];

/** The agent in a container, to be asked. */
export class Helper {
  readonly #container: AgentContainer;
  readonly #limit: Limit;

  /** @param limit on questions at one time: measurements disturb each other */
  constructor(container: AgentContainer, limit: Limit) {
    this.#container = container;
    this.#limit = limit;
  }

  /** @throws PeerLabError `agent-failed`, with the agent's own words when it could not do it */
  async ask<Q extends Question>(question: Q, extraMs = 0): Promise<Answer<Q>> {
    const what = `${question.do} in ${this.#container.name}`;
    const text = JSON.stringify(question);
    const said = await this.#limit(() => this.#container.ask(text, ANSWER_TIMEOUT_MS + extraMs));
    const answer = parsed<Answer<Q>>(said.out);
    if (answer === undefined) throw failure(what, said.err || said.out || 'no answer');
    if (typeof answer === 'object' && 'failed' in answer) throw failure(what, answer.failed);
    return answer;
  }

  remove(): Promise<void> {
    return this.#container.remove();
  }
}

/** Who the others measure against: in the run's network, beside all instances. */
export interface Witness {
  readonly helper: Helper;
  readonly address: string;
}

/** Its container runs a moment before its program listens. @throws PeerLabError `not-ready` */
export async function untilAnswering({ helper, address: host }: Witness, signal: AbortSignal): Promise<void> {
  const giveUpAt = performance.now() + WITNESS_TIMEOUT_MS;
  const targets = [MEASURING_PORT, REACHING_PORT].map((port) => ({ host, port }));
  for (;;) {
    const { dialled } = await helper.ask({ do: 'dial', targets, timeoutMs: DIAL_TIMEOUT_MS });
    if (dialled.every((came) => came === 'connected')) return;
    signal.throwIfAborted();
    if (performance.now() > giveUpAt) {
      throw new PeerLabError('not-ready', {
        about: 'the witness',
        expected: `its ports in ${WITNESS_TIMEOUT_MS} ms`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function parsed<T>(said: string): T | Failure | undefined {
  try {
    return JSON.parse(said) as T | Failure;
  } catch {
    return undefined;
  }
}

function failure(what: string, got: string): PeerLabError {
  return new PeerLabError('agent-failed', { about: what, got: got.trim() });
}
