import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Fault, Look, Subject } from './fault.ts';
import { lookUntil } from './surroundings.ts';

/** The double answers within milliseconds, unless it has a large file to hash. */
const ANSWER_MS = 10_000;

/** A double of the lab sends something else than it announces. It is looked at through what it would send of its first file. */
export const lie: Fault<'lie'> = {
  hits: 'surroundings',
  ends: false,
  apply: ({ how }, { instance }) => behave(instance.url, how),
  async lift(_, { instance }) {
    await behave(instance.url, 'none');
    return instance;
  },
  look: (_, subject, when, withinMs) => lookUntil(() => look(subject, when === 'during'), withinMs),
};

async function behave(url: string, how: string): Promise<void> {
  await ask('POST', `${url}/double/behaviour`, JSON.stringify({ DOUBLE_LIES: how }));
}

async function look({ instance }: Subject, lies: boolean): Promise<Look> {
  const answer = await ask('GET', `${instance.url}/double/sample`);
  const { announced, bytes, sha256 } = JSON.parse(answer) as Sample;
  const isTrue = announced !== undefined && bytes === announced.size && sha256 === announced.sha256;
  return {
    wanted: lies ? 'other content than it announces' : 'the content that it announces',
    seen: announced
      ? `${bytes} bytes of ${announced.size}, ${isTrue ? 'as' : 'other than'} announced`
      : 'no file to lie about',
    ok: announced !== undefined && isTrue !== lies,
  };
}

/** Not with `fetch`, which goes through a proxy if the environment says so. */
async function ask(method: string, url: string, body?: string): Promise<string> {
  const asked = request(url, { method, agent: false, signal: AbortSignal.timeout(ANSWER_MS) });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return text(answer);
}

interface Sample {
  readonly announced?: { readonly size: number; readonly sha256: string };
  readonly bytes: number;
  readonly sha256: string;
}
