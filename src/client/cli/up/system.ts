import { mkdir } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import { Catalogue } from '../../../core/database/catalogue.js';
import { migrate, openDataSource } from '../../../core/database/data-source.js';
import type { Location } from '../../../core/database/records.js';
import { S3ArchiveStore } from '../../../core/storage/s3-archive-store.js';
import { s3SettingsFromEnvironment } from '../../../core/storage/s3-settings.js';
import { environmentFor, type Addresses } from '../../embedded/stack.js';
import { registerSearchAttributes } from '../../set-up.js';
import { connectTemporal } from '../../temporal.js';
import type { Cleanup } from './cleanup.js';
import { whenReachable } from './reaching.js';
import { ARCHIVE, ORIGIN, topology } from './topology.js';

/** The catalogue and Temporal, ready for work on one source. */
export interface System {
  catalogue: Catalogue;
  client: Client;
  source: Location;
}

/**
 * Brings the servers to the state that the work needs: tables, topology, bucket, search attributes. Safe to repeat.
 *
 * @throws ConfigurationError where a server does not accept us, at once
 */
export async function prepareSystem(
  addresses: Addresses,
  source: { name: string; directory: string; deletable: boolean },
  options: { dataDirectory: string; cleanup: Cleanup; signal: AbortSignal; report: (line: string) => void },
): Promise<System> {
  const { cleanup, dataDirectory } = options;
  const dataSource = await whenReachable(
    'the catalogue',
    () => openDataSource(addresses.databaseUrl),
    options,
  );
  cleanup.add('the connection to the catalogue', () => dataSource.destroy());
  const temporal = await whenReachable('Temporal', () => connectTemporal(addresses.temporal), options);
  cleanup.add('the connection to Temporal', () => temporal.close());

  await whenReachable('the catalogue', () => migrate(dataSource), options);
  const catalogue = new Catalogue(dataSource);
  const described = topology(source, dataDirectory, await catalogue.locations());
  for (const { locationType, path } of described.locations) {
    if (locationType === 'buffer' && path !== undefined) await mkdir(path, { recursive: true });
  }
  await catalogue.ensureTopology(described);
  const store = new S3ArchiveStore({
    ...s3SettingsFromEnvironment(environmentFor(addresses)),
    bucket: ARCHIVE.bucket,
  });
  await whenReachable('the S3 store', () => store.prepare(), options);
  await whenReachable('Temporal', () => registerSearchAttributes(temporal.client), options);
  return { catalogue, client: temporal.client, source: await catalogue.location(ORIGIN, source.name) };
}
