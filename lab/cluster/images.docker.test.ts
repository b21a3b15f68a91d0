import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const VERSION = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version;

/** `bin/k8s` with programs in its PATH that only write down how they were called; `kubectl` says what it is given. */
async function k8s(args: string[], nodes: object[]): Promise<{ output: string; calls: string[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'peerlab-fake-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'calls');
  for (const name of ['docker', 'kind', 'ctr', 'kubectl']) {
    const said = name === 'kubectl' ? `cat <<'END'\n${JSON.stringify({ items: nodes })}\nEND\n` : '';
    writeFileSync(path.join(folder, name), `#!/bin/sh\necho ${name} "$@" >> '${file}'\n${said}`);
    chmodSync(path.join(folder, name), 0o755);
  }
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  writeFileSync(file, '');
  const { stdout, stderr } = await promisify(execFile)(path.join(ROOT, 'bin/k8s'), args, { env }).catch(
    (error) => error,
  );
  return { output: `${stdout}${stderr}`, calls: readFileSync(file, 'utf8').trim().split('\n') };
}

const node = (providerID: string) => ({
  metadata: { name: 'n1' },
  spec: { providerID },
  status: { nodeInfo: { containerRuntimeVersion: 'containerd://2', kubeletVersion: 'v1.30.0', bootID: 'none' } },
});
const tagged = (kind: string) => `peerlab/${kind}:${VERSION}`;
/** What the manifests name; the fault agent is wanted by runs of the Kubernetes driver. */
const STANDING = ['directory', 'peer', 'lab'].map(tagged);
const OURS = [...STANDING, tagged('faults')];

test('load: tagged as the manifests name them, and handed to the program of the cluster', async () => {
  const { output, calls } = await k8s(['load'], [node('kind://docker/class/class-control-plane')]);
  for (const name of OURS)
    expect(calls).toContainEqual(expect.stringMatching(new RegExp(`^docker tag sha256:\\S+ ${name}$`)));
  expect(calls.at(-1)).toBe(`kind load docker-image --name class ${OURS.join(' ')} prom/prometheus:v2.42.0`);
  expect(output).toContain('into the kind cluster class');
});

test('load: a cluster elsewhere is said, with the way out', async () => {
  const { output } = await k8s(['load'], [node('')]);
  expect(output).toContain('another machine');
  expect(output).toContain('make k8s-push REGISTRY=');
});

test('push: to the registry, and the command that rewrites the manifests does', async () => {
  const { output, calls } = await k8s(['push', 'registry.example.org/class'], []);
  expect(calls.filter((call) => call.startsWith('docker push'))).toEqual(
    OURS.map((name) => `docker push registry.example.org/class/${name}`),
  );
  const copy = mkdtempSync(path.join(tmpdir(), 'peerlab-k8s-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  cpSync(path.join(ROOT, 'k8s'), path.join(copy, 'k8s'), { recursive: true });
  execFileSync('sh', ['-c', output.trim().split('\n').at(-1) as string], { cwd: copy });
  const text = readdirSync(path.join(copy, 'k8s'))
    .map((file) => readFileSync(path.join(copy, 'k8s', file), 'utf8'))
    .join('\n');
  const images = new Set([...text.matchAll(/image: (\S+)/g)].map(([, image]) => image));
  expect([...images].sort()).toEqual(
    [...STANDING.map((name) => `registry.example.org/class/${name}`), 'prom/prometheus:v2.42.0'].sort(),
  );
  expect((await k8s(['push', 'no registry!'], [])).output).toContain('a registry, such as');
});
