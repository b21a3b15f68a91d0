import { type ContainerRuntimeClient, getContainerRuntimeClient } from 'testcontainers';
import type { EngineConnection } from './connection.ts';

/** testcontainers' client, on the engine that we chose. It must be made before anything else of testcontainers is used. */
export function testcontainersOn(engine: EngineConnection): Promise<ContainerRuntimeClient> {
  // Its reaper is an image that may not be had, and a container with the engine's socket: a run sweeps by itself.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  // "localhost" may answer on ::1, for a neighbour.
  process.env.TESTCONTAINERS_HOST_OVERRIDE = '127.0.0.1';
  process.env.DOCKER_HOST = engine.info.endpoint;
  return engine.call('connect testcontainers', getContainerRuntimeClient());
}
