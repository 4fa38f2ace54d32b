import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { DataPaths } from './data-directory.js';
import { endProcess } from './leftovers.js';
import { postgresPrograms } from './postgres-programs.js';
import { commandOf, identityOf } from './process-identity.js';
import { outputOf } from './run-program.js';
import { serverEnvironment } from './server-environment.js';
import type { StackContext } from './stack-context.js';
import { unprivileged, type Account } from './unprivileged.js';

export const POSTGRES = 'postgres';
const USER = 'ccat_data_transfer';
const DATABASE = 'ccat_data_transfer';

/** Starts PostgreSQL on loopback, with one database for the catalogue, and gives its URL. */
export async function startPostgres(context: StackContext): Promise<string> {
  const { paths, ports, credentials, supervisor } = context;
  const { initdb, postgres } = await postgresPrograms();
  const account = await unprivileged();
  const data = join(paths.postgres, 'data');
  const env = { ...serverEnvironment(context.environment), LC_ALL: 'C' };
  if (!existsSync(data)) {
    context.report('making the database (once)');
    await initialise(initdb, { data, password: credentials.databasePassword, env, account, paths });
  }
  await clearStalePidFile(data);
  const url = (database: string) =>
    `postgres://${USER}:${credentials.databasePassword}@127.0.0.1:${ports.postgres}/${database}`;
  await supervisor.start({
    name: POSTGRES,
    ...account.wrap(postgres, ['-D', data, ...settings(ports.postgres)]),
    env,
    ready: () => withClient(url('postgres'), (client) => client.query('select 1')).then(() => undefined),
    // "Fast": ends open transactions and writes everything down; SIGTERM would wait for clients.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 20_000,
  });
  await withClient(url('postgres'), ensureDatabase);
  return url(DATABASE);
}

/** Small, for one machine that has other things to do; as safe as ever. */
function settings(port: number): string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    fsync: 'on',
    logging_collector: 'off',
    log_checkpoints: 'off',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function initialise(
  initdb: string,
  options: { data: string; password: string; env: NodeJS.ProcessEnv; account: Account; paths: DataPaths },
): Promise<void> {
  const { account, paths } = options;
  // Made beside and renamed: a folder of that name is a whole database.
  const draft = `${options.data}.new`;
  const passwordFile = join(paths.postgres, '.password');
  await rm(draft, { recursive: true, force: true });
  await mkdir(paths.postgres, { recursive: true, mode: 0o700 });
  try {
    await writeFile(passwordFile, options.password, { mode: 0o600 });
    for (const path of [paths.postgres, passwordFile]) await account.own(path);
    const locale = [
      '--encoding',
      'UTF8',
      '--locale-provider',
      'builtin',
      '--builtin-locale',
      'C.UTF-8',
      '--locale',
      'C',
    ];
    const login = ['--username', USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'];
    const { command, args } = account.wrap(initdb, ['-D', draft, ...login, ...locale]);
    await outputOf(command, args, { env: options.env });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, options.data);
}

/**
 * After a kill or a crash of the machine PostgreSQL refuses to start while its old process number belongs to anybody at
 * all. If it is a PostgreSQL on this data it is ended, if it is another process the note is out of date.
 */
async function clearStalePidFile(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number((await readFile(file, 'utf8')).split('\n')[0]);
  const identity = pid > 0 ? identityOf(pid) : undefined;
  // The note of a dead process may stay: PostgreSQL reads from it which shared memory to clear.
  if (identity === undefined) return;
  if (commandOf(pid).includes(data)) await endProcess(identity);
  else await rm(file, { force: true });
}

async function ensureDatabase(client: pg.Client): Promise<void> {
  const found = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
  if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // A connection that breaks between two statements tells it here; the statement itself fails too.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
