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
  const body = JSON.stringify({ DOUBLE_LIES: how });
  const answer = await fetch(`${url}/double/behaviour`, {
    method: 'POST',
    body,
    signal: AbortSignal.timeout(ANSWER_MS),
    headers: { connection: 'close' },
  });
  await answer.arrayBuffer();
}

async function look({ instance }: Subject, lies: boolean): Promise<Look> {
  const answer = await fetch(`${instance.url}/double/sample`, {
    signal: AbortSignal.timeout(ANSWER_MS),
    headers: { connection: 'close' },
  });
  const { announced, bytes, sha256 } = (await answer.json()) as Sample;
  const isTrue = announced !== undefined && bytes === announced.size && sha256 === announced.sha256;
  return {
    wanted: lies ? 'other content than it announces' : 'the content that it announces',
    seen: announced
      ? `${bytes} bytes of ${announced.size}, ${isTrue ? 'as' : 'other than'} announced`
      : 'no file to lie about',
    ok: announced !== undefined && isTrue !== lies,
  };
}

interface Sample {
  readonly announced?: { readonly size: number; readonly sha256: string };
  readonly bytes: number;
  readonly sha256: string;
}
