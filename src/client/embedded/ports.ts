import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import type { DataPaths } from './data-directory.js';
import { readPrivateJson, writePrivateJson } from './private-json.js';

/**
 * Below the range from which the system takes ports for outgoing connections: a client that tries again and again to
 * reach a stopped server could otherwise be given that server's own port, connect to itself, and keep the server out.
 */
const LOWEST = 15_000;
const HIGHEST = 30_000;

const schema = z.object({
  temporal: z.number(),
  temporalUi: z.number(),
  postgres: z.number(),
  s3: z.number(),
});
export type Ports = z.infer<typeof schema>;
const NAMES = ['temporal', 'temporalUi', 'postgres', 's3'] as const satisfies (keyof Ports)[];

/** A free loopback port for each server: the one it had last time where that is free, so that addresses stay. */
export async function choosePorts(paths: DataPaths): Promise<Ports> {
  const file = join(paths.run, 'ports.json');
  const remembered = schema.partial().safeParse(await readPrivateJson(file)).data ?? {};
  const chosen: number[] = [];
  for (const name of NAMES) {
    let port = remembered[name] ?? randomInt(LOWEST, HIGHEST);
    while (chosen.includes(port) || !(await isFree(port))) port = randomInt(LOWEST, HIGHEST);
    chosen.push(port);
  }
  const ports = schema.parse(Object.fromEntries(NAMES.map((name, index) => [name, chosen[index]])));
  await writePrivateJson(file, ports);
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
