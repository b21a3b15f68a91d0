import http from 'node:http';

export interface Pace {
  readonly paths: readonly string[];
  readonly headers: Record<string, string>;
  readonly connections: number;
  readonly perSecond: number;
  readonly seconds: number;
}

const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Asks at an even rate, however long the answers take, and counts each latency from the moment at which the request was
 * due: a server that stalls is charged for all who came meanwhile. autocannon can't be used for that: it asks a second's
 * worth at once, and charges its own start, 150 ms for 16 connections of 1,000 requests, to the server.
 *
 * @returns the latencies in ms, lowest first
 */
export async function pacedLatencies(port: number, pace: Pace): Promise<number[]> {
  const { paths, headers, connections, perSecond, seconds } = pace;
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const latencies: number[] = [];
  const total = perSecond * seconds;
  const startedAt = performance.now();

  const ask = (at: number) =>
    new Promise<void>((resolve, reject) => {
      const path = paths[at % paths.length] as string;
      const options = { host: '127.0.0.1', port, path, headers, agent, timeout: ANSWER_TIMEOUT_MS };
      const request = http.get(options, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
        response.on('error', reject).on('end', () => {
          latencies.push(performance.now() - startedAt - (1000 * at) / perSecond);
          resolve();
        });
        response.resume();
      });
      request.on('error', reject).on('timeout', () => request.destroy(new Error(`${path}: no answer`)));
    });

  try {
    const asked: Promise<void>[] = [];
    while (asked.length < total) {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) * perSecond) / 1000) + 1);
      while (asked.length < due) asked.push(ask(asked.length));
      await new Promise((next) => setTimeout(next, 1));
    }
    await Promise.all(asked);
  } finally {
    agent.destroy();
  }
  return latencies.sort((a, b) => a - b);
}

export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] as number;
}
