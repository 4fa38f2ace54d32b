import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { readAddresses, type Addresses } from '../../src/client/embedded/addresses.js';
import { dataPaths, lockDataDirectory } from '../../src/client/embedded/data-directory.js';
import { recordedProcesses } from '../../src/client/embedded/leftovers.js';
import { isRunning, type ProcessIdentity } from '../../src/client/embedded/process-identity.js';
import { assertNothingRuns, cleanEnvironment, killAll } from '../support/command.js';
import { withScratch } from '../support/scratch.js';

const HOLDER = fileURLToPath(new URL('./embedded-holder.js', import.meta.url));
const SERVERS = ['postgres', 's3', 'temporal'];

/** Runs with a data directory below a folder that is closed to everybody else, as a fresh clone's may be. */
async function withDataDirectory(t: TestContext, run: (directory: string) => Promise<void>): Promise<void> {
  await withScratch(t, async (scratch) => {
    assert.equal(statSync(scratch).mode & 0o777, 0o700);
    const directory = join(scratch, 'clone', '.cdt');
    try {
      await run(directory);
      await assertNothingRuns(directory);
    } finally {
      killAll(directory);
    }
  });
}

/** A process of its own that holds the data directory. */
class Holder {
  stderr = '';
  readonly child;
  readonly exit: Promise<number | null>;

  constructor(command: string, args: string[], cwd?: string) {
    this.child = spawn(command, args, {
      cwd,
      env: cleanEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  async says(text: string): Promise<this> {
    while (!this.stderr.includes(text)) {
      const running = this.child.exitCode === null && this.child.signalCode === null;
      assert.ok(running, `ended before it said "${text}": ${this.stderr}`);
      await sleep(50);
    }
    return this;
  }
}

const hold = (directory: string) => new Holder(process.execPath, [HOLDER, directory]);

async function addressesOf(directory: string): Promise<Addresses> {
  const addresses = await readAddresses(directory);
  assert.ok(addresses !== undefined, 'no addresses were left');
  return addresses;
}

async function query(directory: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: (await addressesOf(directory)).databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
}

async function objectStore(directory: string): Promise<S3Client> {
  const { endpoint, region, accessKeyId, secretAccessKey } = (await addressesOf(directory)).s3;
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
  });
}

async function withTemporal<T>(
  directory: string,
  act: (service: Connection['workflowService']) => Promise<T>,
): Promise<T> {
  const { address } = (await addressesOf(directory)).temporal;
  const connection = await Connection.connect({ address });
  try {
    return await act(connection.workflowService);
  } finally {
    await connection.close();
  }
}

/** Leaves something in each of the three servers. */
async function leaveTraces(directory: string): Promise<void> {
  await query(directory, 'create table trace (word text)');
  await query(directory, "insert into trace values ('kept')");
  const store = await objectStore(directory);
  await store.send(new CreateBucketCommand({ Bucket: 'traces' }));
  await store.send(
    new PutObjectCommand({ Bucket: 'traces', Key: 'a/trace', Body: 'kept', Metadata: { word: 'kept' } }),
  );
  store.destroy();
  const retention = { seconds: 86_400 as unknown as Long };
  await withTemporal(directory, (service) =>
    service.registerNamespace({ namespace: 'trace', workflowExecutionRetentionPeriod: retention }),
  );
}
type Long = NonNullable<
  NonNullable<
    Parameters<Connection['workflowService']['registerNamespace']>[0]['workflowExecutionRetentionPeriod']
  >['seconds']
>;

async function assertTracesAreKept(directory: string): Promise<void> {
  assert.deepEqual(await query(directory, 'select word from trace'), [{ word: 'kept' }]);
  const store = await objectStore(directory);
  const object = await store.send(new GetObjectCommand({ Bucket: 'traces', Key: 'a/trace' }));
  assert.equal(await object.Body?.transformToString(), 'kept');
  assert.deepEqual(object.Metadata, { word: 'kept' });
  store.destroy();
  assert.equal(readFileSync(join(dataPaths(directory).s3, 'traces', 'a', 'trace'), 'utf8'), 'kept');
  const found = await withTemporal(directory, (service) => service.describeNamespace({ namespace: 'trace' }));
  assert.equal(found.namespaceInfo?.name, 'trace');
}

async function servers(directory: string): Promise<Record<string, ProcessIdentity>> {
  const recorded = await recordedProcesses(dataPaths(directory));
  assert.deepEqual(Object.keys(recorded).sort(), SERVERS);
  return recorded;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(100);
}

describe('embedded servers', () => {
  it('each come back on their port with their data when they are killed', (t) =>
    withDataDirectory(t, async (directory) => {
      const holder = await hold(directory).says('ready');
      await leaveTraces(directory);
      const addresses = await addressesOf(directory);
      for (const [name, identity] of Object.entries(await servers(directory))) {
        process.kill(identity.pid, 'SIGKILL');
        await holder.says(`${name} was ended by SIGKILL; starting it again`);
        await until(async () => Object.hasOwn(await recordedProcesses(dataPaths(directory)), name));
      }
      await until(() =>
        assertTracesAreKept(directory).then(
          () => true,
          () => false,
        ),
      );
      assert.deepEqual(await addressesOf(directory), addresses);
      holder.child.kill('SIGINT');
      assert.equal(await holder.exit, 0);
    }));

  it('that a killed start has left running are ended by the next one, which goes on with their data', (t) =>
    withDataDirectory(t, async (directory) => {
      const first = await hold(directory).says('ready');
      await leaveTraces(directory);
      const addresses = await addressesOf(directory);
      const left = Object.values(await servers(directory));
      first.child.kill('SIGKILL');
      await first.exit;
      assert.deepEqual(left.map(isRunning), [true, true, true]);
      const second = await hold(directory).says('ready');
      assert.match(second.stderr, /ending 3 processes that an earlier start left running/);
      assert.deepEqual(left.map(isRunning), [false, false, false]);
      assert.deepEqual(await addressesOf(directory), addresses);
      await assertTracesAreKept(directory);
      second.child.kill('SIGTERM');
      assert.equal(await second.exit, 0);
    }));

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    it(`leave no process and no address behind after ${signal}`, (t) =>
      withDataDirectory(t, async (directory) => {
        const holder = await hold(directory).says('ready');
        const started = Object.values(await servers(directory));
        holder.child.kill(signal);
        assert.equal(await holder.exit, 0);
        assert.deepEqual(started.map(isRunning), [false, false, false]);
        assert.equal(await readAddresses(directory), undefined);
      }));
  }

  it('end in order when the npm that started them is killed', (t) =>
    withDataDirectory(t, async (directory) => {
      const project = join(directory, '..', '..');
      const start = `${JSON.stringify(process.execPath)} ${JSON.stringify(HOLDER)} ${JSON.stringify(directory)}`;
      writeFileSync(
        join(project, 'package.json'),
        JSON.stringify({ name: 'held', private: true, scripts: { start } }),
      );
      const npm = await new Holder('npm', ['start'], project).says('ready');
      const started = Object.values(await servers(directory));
      npm.child.kill('SIGKILL');
      // The pipe closes when the holder, which has it from npm, has ended too.
      await npm.exit;
      assert.match(npm.stderr, /stopped/);
      assert.deepEqual(started.map(isRunning), [false, false, false]);
    }));

  it('listen on loopback only, and keep their credentials to the owner', (t) =>
    withDataDirectory(t, async (directory) => {
      const holder = await hold(directory).says('ready');
      const pids = new Set(Object.values(await servers(directory)).map(({ pid }) => pid));
      const listening = await listeningAddresses(pids);
      assert.ok(listening.length >= 4, `too few are listening: ${listening.join(' ')}`);
      assert.deepEqual(
        listening.filter((address) => !address.startsWith('0100007F:')),
        [],
      );
      const { run } = dataPaths(directory);
      assert.equal(statSync(run).mode & 0o777, 0o700);
      for (const file of ['addresses.json', 'credentials.json']) {
        assert.equal(statSync(join(run, file)).mode & 0o777, 0o600);
      }
      holder.child.kill('SIGINT');
      assert.equal(await holder.exit, 0);
    }));

  it('are not started a second time: the second start says who holds the data directory', (t) =>
    withDataDirectory(t, async (directory) => {
      const lock = await lockDataDirectory(directory);
      const second = hold(directory);
      assert.equal(await second.exit, 1);
      const held = new RegExp(
        `is in use by process ${process.pid} \\(.*embedded-stack.*\\) since \\d{4}-\\d\\d-\\d\\dT`,
      );
      assert.match(second.stderr, held);
      // One that is leaving is waited for.
      await lock.markStopping();
      const third = await hold(directory).says('waiting for process');
      await lock.release();
      await third.says('ready');
      third.child.kill('SIGINT');
      assert.equal(await third.exit, 0);
    }));
});

/** The local addresses, as the kernel writes them, on which these processes accept connections. */
async function listeningAddresses(pids: Set<number>): Promise<string[]> {
  const { readdir, readlink } = await import('node:fs/promises');
  const inodes = new Set<string>();
  for (const pid of pids) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`)) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  }
  const lines = ['tcp', 'tcp6'].flatMap((name) =>
    readFileSync(`/proc/net/${name}`, 'utf8').split('\n').slice(1),
  );
  const listening = lines.map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === '0A');
  return listening.filter((fields) => inodes.has(fields[9] ?? '')).map((fields) => fields[1] ?? '');
}
