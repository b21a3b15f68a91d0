import { expect } from 'vitest';
import type { Said } from './terminal.ts';

/** WHAT EACH LINE OF docs/classroom.md MUST DO, in their order. A line that is in one of both only is found without a cluster. */

export interface Look {
  /** Of a line that forwards a port. */
  readonly url?: string;
}

type Expectation = (said: Said, look: Look) => void | Promise<void>;

const PATIENCE = { timeout: 60_000, interval: 1000 };

/** It did what it should. */
function works({ code, output }: Said): void {
  if (code !== 0) throw new Error(`exit code ${code}: ${output}`);
}

const says =
  (...texts: (string | RegExp)[]): Expectation =>
  (said) => {
    works(said);
    for (const text of texts) expect(said.output).toMatch(text);
  };

/** kubectl's line for each object. */
const eachObject =
  (how: string): Expectation =>
  (said) => {
    works(said);
    const lines = said.output.trim().split('\n');
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter((line) => !line.includes(` ${how}`))).toEqual([]);
  };

const passed = says(/^PASS: /m, /^6 peers, /m);

async function json<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}

const page: Expectation = async (_, { url }) => {
  expect((await fetch(`${url}/`)).status).toBe(401);
  const status = () =>
    json<{ peers: { loggedIn: boolean }[]; runs: { scenario: string; verdict?: string; operations: object }[] }>(
      `${url}/status?token=classroom`,
    );
  await expect
    .poll(async () => (await status()).peers.map(({ loggedIn }) => loggedIn), PATIENCE)
    .toEqual(Array(6).fill(true));
  const { runs } = await status();
  expect(runs).toMatchObject([{ scenario: 'classroom', verdict: 'pass', operations: { download: expect.anything() } }]);
  const html = await (await fetch(`${url}/?token=classroom`)).text();
  for (const text of ['PASS', 'peers-6', 'download']) expect(html).toContain(text);
  // The live page has the run, its verdict included.
  const [, live = ''] = /href="(\/runs\/[0-9a-f]+)"/.exec(html) ?? [];
  const bearer = { headers: { authorization: 'Bearer classroom' } };
  expect(await (await fetch(`${url}${live}`, bearer)).text()).toContain('<title>PeerLab</title>');
  const events = await (await fetch(`${url}${live}/events`, bearer)).text();
  for (const text of ['"kind":"run-began"', '"verdict":"pass"', 'event: end']) expect(events).toContain(text);
};

interface Targets {
  readonly data: { readonly result: readonly { metric: { job: string; peer?: string }; value: [number, string] }[] };
}

/** Six peers by their names, and the directory. */
const targets: Expectation = async (_, { url }) => {
  const up = async () =>
    (await json<Targets>(`${url}/api/v1/query?query=up`)).data.result
      .map(({ metric: { job, peer = job }, value }) => `${peer} ${value[1]}`)
      .sort();
  const peers = Array.from({ length: 6 }, (_, i) => `peers-${i + 1} 1`);
  await expect.poll(up, PATIENCE).toEqual(['directory 1', ...peers]);
};

export const EXPECTATIONS: readonly (readonly [line: string, expectation: Expectation])[] = [
  ['make k8s-load', says('loaded peerlab/directory:', 'loaded peerlab/peer:', 'loaded peerlab/lab:')],
  ['kubectl apply -f k8s/', eachObject('created')],
  ['kubectl -n peerlab rollout status statefulset/peers --timeout=180s', works],
  ['kubectl -n peerlab wait --for=condition=complete job/lab --timeout=300s', works],
  ['kubectl -n peerlab logs job/lab', passed],
  ['kubectl apply -f k8s/', eachObject('unchanged')],
  ['kubectl -n peerlab port-forward service/lab 8080', page],
  ['kubectl -n peerlab port-forward deployment/prometheus 9090', targets],
  ["kubectl -n peerlab exec peers-3 -- peer search '*'", says('lesson-', 'homework-', ':50051')],
  ['kubectl -n peerlab exec peers-3 -- peer index', says('peers-1', 'peers-6')],
  ["kubectl -n peerlab exec peers-3 -- peer batch 'lesson-*'", works],
  ['kubectl -n peerlab logs peers-3 --tail=5', says(/./)],
  ['kubectl -n peerlab scale statefulset/peers --replicas=20', works],
  ['kubectl -n peerlab rollout status statefulset/peers --timeout=300s', works],
  ["kubectl -n peerlab exec peers-20 -- peer search 'lesson-*'", says('lesson-')],
  ['kubectl -n peerlab scale statefulset/peers --replicas=6', works],
  ["kubectl -n peerlab exec peers-1 -- sh -c 'head -c 64000000 /dev/urandom > /share/film.bin'", works],
  ['kubectl -n peerlab exec peers-1 -- peer loadfiles', says('published')],
  ['kubectl -n peerlab exec peers-2 -- peer download film.bin', says('downloaded')],
  ['kubectl -n peerlab exec peers-3 -- peer download film.bin &', works],
  ['sleep 1', works],
  ['kubectl -n peerlab delete pod peers-2', works],
  // It may have ended while the pod was deleted; what it came to is looked at in the test.
  ['wait', works],
  ['kubectl -n peerlab rollout status statefulset/peers --timeout=180s', works],
  ['kubectl -n peerlab rollout restart deployment/directory', works],
  ['kubectl -n peerlab rollout status deployment/directory --timeout=180s', works],
  ["kubectl -n peerlab exec peers-3 -- peer search 'lesson-*'", says('lesson-')],
  ['kubectl -n peerlab create job again --from=cronjob/scenario', works],
  ['kubectl -n peerlab wait --for=condition=complete job/again --timeout=180s', works],
  ['kubectl -n peerlab logs job/again', passed],
  [
    'kubectl -n peerlab create job homework --from=cronjob/scenario --dry-run=client -o yaml | kubectl set env --local -f - SCENARIO=homework -o yaml | kubectl apply -f -',
    says('job.batch/homework created'),
  ],
  ['kubectl -n peerlab wait --for=condition=complete job/homework --timeout=180s', works],
  ['kubectl -n peerlab logs job/homework', passed],
  [
    'kubectl -n peerlab create poddisruptionbudget peers --selector=app.kubernetes.io/component=peer --max-unavailable=1',
    works,
  ],
  ['kubectl delete -f k8s/', eachObject('deleted')],
  ['bin/k8s team red blue --folder teams', says('peerlab-team-red', 'peerlab-team-blue')],
  ['export KUBECONFIG=teams/red.kubeconfig', works],
  ['kubectl rollout status statefulset/peers --timeout=300s', works],
  ['kubectl wait --for=condition=complete job/lab --timeout=300s', works],
  ["kubectl exec peers-3 -- peer search 'lesson-*'", says('lesson-')],
  [
    'kubectl auth can-i list pods --namespace=peerlab-team-blue',
    ({ code, output }) => expect({ code, output: output.trim() }).toEqual({ code: 1, output: 'no' }),
  ],
  ['unset KUBECONFIG', works],
  ['kubectl delete namespace peerlab-team-red peerlab-team-blue', works],
];
