import { mkdir } from 'node:fs/promises';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { startPostgres } from '../src/client/embedded/postgres.js';
import { Catalogue } from '../src/core/database/catalogue.js';
import { migrate, openDataSource } from '../src/core/database/data-source.js';
import { loadYears } from '../test/support/years/load.js';
import { placesOfYears, type PlacesOfYears } from '../test/support/years/places.js';
import { inServerDirectory, withServerDirectory } from './server-directory.js';

/** Names a directory in which the catalogues stay, so that a second run finds them loaded. */
const KEPT = 'PLANNING_DATA';

/** A catalogue of so many files. */
export interface SizedCatalogue {
  files: number;
  dataSource: DataSource;
  catalogue: Catalogue;
  at: PlacesOfYears;
  /** What it takes on disk. */
  bytes: number;
}

/** Runs with catalogues of these sizes, side by side on one server as the product starts it. */
export async function withCatalogues<T>(
  sizes: number[],
  say: (line: string) => void,
  run: (catalogues: SizedCatalogue[]) => Promise<T>,
): Promise<T> {
  const kept = process.env[KEPT];
  const onServer = async (url: string): Promise<T> => {
    const opened: SizedCatalogue[] = [];
    try {
      for (const files of sizes) opened.push(await open(await loaded(url, files, say), files));
      return await run(opened);
    } finally {
      for (const { dataSource } of opened) await dataSource.destroy();
    }
  };
  if (kept === undefined)
    return withServerDirectory('planning', say, async (context) => onServer(await startPostgres(context)));
  await mkdir(kept, { recursive: true });
  return inServerDirectory(kept, say, async (context) => onServer(await startPostgres(context)));
}

/** The database of a size, filled where it is not there yet. */
async function loaded(url: string, files: number, say: (line: string) => void): Promise<string> {
  const [name, draft] = [`files_${files}`, `files_${files}_loading`];
  const server = new pg.Client({ connectionString: url });
  await server.connect();
  try {
    const { rowCount } = await server.query('select from pg_database where datname = $1', [name]);
    if (rowCount !== 0) return databaseOf(url, name);
    await server.query(`drop database if exists ${draft} with (force)`);
    await server.query(`create database ${draft}`);
    const begun = performance.now();
    await fill(databaseOf(url, draft), files, say);
    say(`  ${files} files loaded in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    // A database of that name is a whole one.
    await server.query(`alter database ${draft} rename to ${name}`);
    return databaseOf(url, name);
  } finally {
    await server.end();
  }
}

async function fill(url: string, files: number, say: (line: string) => void): Promise<void> {
  const dataSource = await openDataSource(url);
  try {
    await migrate(dataSource);
    await loadYears(url, dataSource, { files, report: (line) => say(`    ${line}`) });
  } finally {
    await dataSource.destroy();
  }
}

async function open(url: string, files: number): Promise<SizedCatalogue> {
  const dataSource = await openDataSource(url);
  // One that was kept may be of before the last migration.
  await migrate(dataSource);
  const catalogue = new Catalogue(dataSource);
  const [found] = await dataSource.query<{ bytes: number }[]>(
    'select pg_database_size(current_database())::float8 as bytes',
  );
  return { files, dataSource, catalogue, at: await placesOfYears(catalogue), bytes: found!.bytes };
}

function databaseOf(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}
