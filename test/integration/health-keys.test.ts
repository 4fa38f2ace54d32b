import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createClient } from 'redis';
import { NetworkError } from '../../src/core/exceptions.js';
import { HealthKeys, HEALTH_TTL_SECONDS } from '../../src/core/health-keys.js';
import { makeLogger } from '../../src/core/logging.js';
import { getRedisConnection } from '../../src/core/utilities/redis.js';
import { Secret } from '../../src/core/utilities/secret.js';
import { freePort } from './support/database.js';

/** Health keys on a real Redis with a password. */

const log = makeLogger({ level: 'error', format: 'json' });
log.silent = true;

interface Server {
  url: Secret;
  keys(): Promise<Record<string, { value: string | null; ttl: number }>>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

async function withRedis(work: (server: Server) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'cdt-test-redis-'));
  const port = await freePort();
  const url = new Secret(`redis://:pass-of-redis@127.0.0.1:${port}/0`);
  let server: ChildProcess | undefined;
  const start = async () => {
    const flags = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--requirepass',
      'pass-of-redis',
      '--save',
      '',
    ];
    server = spawn('redis-server', [...flags, '--dir', directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const chunk of server.stdout!)
      if (String(chunk).includes('Ready to accept connections')) break;
    server.stdout?.resume();
  };
  const stop = async () => {
    if (server === undefined || server.exitCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  const keys = async () => {
    const client = createClient({ url: url.reveal() });
    await client.connect();
    try {
      const found: Awaited<ReturnType<Server['keys']>> = {};
      for (const key of (await client.keys('*')).sort())
        found[key] = { value: await client.get(key), ttl: await client.ttl(key) };
      return found;
    } finally {
      client.destroy();
    }
  };
  await start();
  try {
    await work({ url, keys, stop, start });
  } finally {
    await stop();
    await rm(directory, { recursive: true });
  }
}

function replica(server: Server, instance: string, state: { progresses: boolean }): HealthKeys {
  const common = { url: server.url, type: 'data_transfer', name: 'cologne', log };
  return new HealthKeys({ ...common, instance, progresses: () => Promise.resolve(state.progresses) });
}

test('each replica has a key of its own, and all keep the plain one alive; a stopped one takes its own away', () =>
  withRedis(async (server) => {
    const [one, two] = ['cologne-host-1', 'cologne-host-2'].map((name) =>
      replica(server, name, { progresses: true }),
    );
    await Promise.all([one!.refresh(), two!.refresh()]);
    const keys = await server.keys();
    assert.deepEqual(Object.keys(keys), [
      'health:data_transfer:cologne',
      'health:data_transfer:cologne-host-1',
      'health:data_transfer:cologne-host-2',
    ]);
    for (const { value, ttl } of Object.values(keys)) {
      assert.equal(value, 'alive');
      assert.ok(ttl > 0 && ttl <= HEALTH_TTL_SECONDS);
    }
    await one!.close();
    assert.deepEqual(Object.keys(await server.keys()), [
      'health:data_transfer:cologne',
      'health:data_transfer:cologne-host-2',
    ]);
    await two!.close();
  }));

test('a process that does not get on is not called alive', () =>
  withRedis(async (server) => {
    const state = { progresses: false };
    const keys = replica(server, 'cologne-host-1', state);
    await keys.refresh();
    assert.deepEqual(await server.keys(), {});
    state.progresses = true;
    await keys.refresh();
    assert.equal(Object.keys(await server.keys()).length, 2);
    await keys.close();
  }));

test(
  'a Redis that goes away disturbs nothing, and has the keys again when it is back',
  { timeout: 60_000 },
  () =>
    withRedis(async (server) => {
      const keys = replica(server, 'cologne-host-1', { progresses: true });
      await keys.refresh();
      await server.stop();
      await keys.refresh();
      await server.start();
      while (Object.keys(await server.keys()).length < 2) {
        await keys.refresh();
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      await keys.close();
    }),
);

test('a wrong password is told without it', () =>
  withRedis(async (server) => {
    const wrong = new Secret(server.url.reveal().replace('pass-of-redis', 'wrong-password-2'));
    await assert.rejects(getRedisConnection(wrong), (error: Error) => {
      assert.ok(error instanceof NetworkError);
      assert.doesNotMatch(error.message, /wrong-password-2/);
      return true;
    });
  }));
