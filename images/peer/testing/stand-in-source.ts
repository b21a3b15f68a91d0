import * as grpc from '@grpc/grpc-js';
import type { PeerServiceHandlers } from '#proto/generated/PeerService.ts';
import { peerServiceDefinition } from '#proto/peer.ts';

type Handlers = Partial<{ [M in keyof PeerServiceHandlers]: PeerServiceHandlers[M] }>;

/** A peer for tests that answers just as the test wants: lying, silent, of the predecessor's kind. */
export class StandInSource implements Disposable {
  readonly address: string;
  readonly port: number;
  readonly #server: grpc.Server;

  private constructor(server: grpc.Server, port: number) {
    this.#server = server;
    this.port = port;
    this.address = `127.0.0.1:${port}`;
  }

  static async start(handlers: Handlers): Promise<StandInSource> {
    const server = new grpc.Server();
    server.addService(peerServiceDefinition, handlers as PeerServiceHandlers);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    return new StandInSource(server, port);
  }

  [Symbol.dispose](): void {
    this.#server.forceShutdown();
  }
}
