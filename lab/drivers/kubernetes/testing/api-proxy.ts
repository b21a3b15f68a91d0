import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { findKubeconfig } from '../kubeconfig.ts';

/** Between a lab and the API server of its cluster, as a proxy that the kubeconfig names: it can be away without any harm to the cluster. */
export class ApiProxy implements AsyncDisposable {
  /** A kubeconfig that leads through it. */
  readonly kubeconfig: string;
  readonly #server: http.Server;
  readonly #ends = new Set<Socket>();
  #is: 'there' | 'gone' | 'silent' = 'there';

  private constructor(server: http.Server, kubeconfig: string) {
    this.#server = server;
    this.kubeconfig = kubeconfig;
    server.on('connect', (request, socket) => this.#pass(request.url ?? '', socket as Socket));
  }

  static async start(env: NodeJS.ProcessEnv = process.env): Promise<ApiProxy> {
    const server = http.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const found = findKubeconfig(env);
    const from = (found?.kind === 'file' && found.file) || env.KUBECONFIG || path.join(env.HOME ?? '', '.kube/config');
    const config = parse(readFileSync(from, 'utf8'));
    for (const { cluster } of config.clusters)
      cluster['proxy-url'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const kubeconfig = path.join(mkdtempSync(path.join(tmpdir(), 'api-proxy-')), 'config');
    writeFileSync(kubeconfig, stringify(config), { mode: 0o600 });
    return new ApiProxy(server, kubeconfig);
  }

  /** `gone`: all connections break, and new ones are refused. `silent`: nothing breaks, and nothing comes through. */
  turn(is: 'there' | 'gone' | 'silent'): void {
    this.#is = is;
    for (const end of this.#ends) {
      if (is === 'gone') end.destroy();
      else if (is === 'silent') end.pause();
      else end.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.turn('gone');
    this.#server.close();
    rmSync(path.dirname(this.kubeconfig), { recursive: true });
  }

  #pass(target: string, socket: Socket): void {
    socket.on('error', () => {});
    if (this.#is === 'gone') return void socket.destroy();
    const { hostname, port } = new URL(`tcp://${target}`);
    const onward = connect({ host: hostname, port: Number(port) });
    for (const end of [socket, onward]) {
      this.#ends.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        this.#ends.delete(end);
        socket.destroy();
        onward.destroy();
      });
    }
    onward.on('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.on('data', (part) => onward.write(part));
      onward.on('data', (part) => socket.write(part));
      if (this.#is === 'silent') for (const end of [socket, onward]) end.pause();
    });
  }
}
