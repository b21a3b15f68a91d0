import { Command } from 'commander';
import { requestJson } from '#base/json-http.ts';
import { addressText, withoutBrackets } from '#proto/addresses.ts';
import type { ControlRequest, ControlVerb } from '#proto/control-api.ts';
import { type ErrorBody, PeerLabError, reasonOf, toPeerLabError } from '#proto/errors.ts';
import { printableAll, printableJson } from '#proto/printable.ts';
import { type Answers, TEXT, type Verb } from './cli-text.ts';

/**
 * `peer <verb>`: talks to a running peer through its control port. Starts fast: neither gRPC nor express is imported here.
 * Exit code 0 when it was done, 1 when not (one line and a hint on stderr).
 */

interface Options {
  host: string;
  port?: string;
  token?: string;
  json?: true;
}

type Requests = { [V in ControlVerb]: ControlRequest<V> } & { batch: { match: string } };

/** Verbs that end soon; a transfer takes as long as it takes, and the peer gives up sources that stall. */
const ANSWER_TIMEOUT_MS = 60_000;
const LONG: ReadonlySet<Verb> = new Set<Verb>(['download', 'batch', 'upload', 'loadfiles', 'login']);

const program = new Command('peer')
  .description('Tells a running peer what to do.')
  .option('--host <host>', 'where its control port listens', '127.0.0.1')
  .option('--port <port>', 'its control port (default: PEER_CONTROL_PORT, else 50052)')
  .option('--token <token>', 'its control token (default: PEER_CONTROL_TOKEN)')
  .option('--json', 'print the answer as JSON')
  .showHelpAfterError()
  .configureHelp({ showGlobalOptions: true });

program
  .command('login')
  .description('log in at the directory, with all files of the share')
  .action(() => run('login', {}));
program
  .command('index')
  .description('list every peer and its files')
  .action(() => run('index', {}));
program
  .command('search <name>')
  .description('find a file: its exact name, or a pattern with * and ?')
  .action((name: string) => run('search', { name }));
program
  .command('download <name>')
  .description('fetch a file into the share, verified')
  .option('--from <host:port>', 'the only peer to fetch from')
  .option('--sha256 <hex>', 'the SHA-256 of the content, if the name stands for several')
  .action((name: string, options: { from?: string; sha256?: string }) => run('download', { name, ...options }));
program
  .command('batch <pattern>')
  .description("fetch every file whose name matches, such as '*.txt', and that the peer does not have yet")
  .action((match: string) => run('batch', { match }));
program
  .command('upload <file> <peer>')
  .description('send a file of the share to another peer (ip:port)')
  .action((name: string, to: string) => run('upload', { name, to }));
program
  .command('loadfiles')
  .description('scan the share again and publish the list')
  .action(() => run('loadfiles', {}));
program
  .command('logout')
  .description('log out: leave the index')
  .action(() => run('logout', {}));

async function run<V extends Verb>(verb: V, request: Requests[V]): Promise<void> {
  const options = program.opts<Options>();
  try {
    const answer = await ask(verb, request, options);
    const text = options.json ? printableJson(JSON.stringify(answer)) : TEXT[verb](printableAll(answer));
    process.stdout.write(`${text}\n`);
  } catch (thrown) {
    const { message, hint } = printableAll(wordsOf(thrown));
    process.stderr.write(`${message}\n${hint ? `${hint}\n` : ''}`);
    process.exitCode = 1;
  }
}

async function ask<V extends Verb>(verb: V, request: Requests[V], options: Options): Promise<Answers[V]> {
  const port = options.port ?? (process.env.PEER_CONTROL_PORT || '50052');
  const token = options.token ?? process.env.PEER_CONTROL_TOKEN;
  if (!token) throw new PeerLabError('unauthorized', { expected: 'PEER_CONTROL_TOKEN or --token' });
  const place = addressText({ ip: withoutBrackets(options.host), port: Number(port) });
  const answer = await requestJson({
    method: 'POST',
    url: `http://${place}/control/${verb}`,
    token,
    body: request,
    ...(LONG.has(verb) ? {} : { timeoutMs: ANSWER_TIMEOUT_MS }),
  }).catch((error) => {
    throw new PeerLabError('source-unreachable', {
      about: `control port ${place}`,
      got: reasonOf(error),
      cause: error,
    });
  });
  if (answer.status === 200) return answer.body as Answers[V];
  throw new Refused(answer.status, (answer.body as { error?: ErrorBody } | undefined)?.error);
}

/** What went wrong, and what to do next. */
function wordsOf(thrown: unknown): { message: string; hint: string } {
  const { message, hint } = thrown instanceof Refused ? thrown : toPeerLabError(thrown);
  return { message, hint };
}

/** The peer's own words, passed on as they are. */
class Refused extends Error {
  readonly hint: string;

  constructor(status: number, error: ErrorBody | undefined) {
    super(error?.message ?? `the peer answered with status ${status}`);
    this.hint = error?.hint ?? '';
  }
}

await program.parseAsync();
