import type { Client } from '@temporalio/client';
import type { DataSource } from 'typeorm';
import { loadConfiguration } from '../../core/configuration.js';
import { Catalogue } from '../../core/database/catalogue.js';
import { openDataSource } from '../../core/database/data-source.js';
import { ConfigurationError } from '../../core/exceptions.js';
import { SettingsManager } from '../../core/settings-manager.js';
import { givenAddresses } from '../embedded/given-addresses.js';
import { readAddresses, type Addresses } from '../embedded/stack.js';
import { connectTemporal } from '../temporal.js';

/** Where the commands besides `up` find the servers. */
export interface ServerAddresses {
  temporal: Addresses['temporal'];
  databaseUrl: string;
}

/**
 * The servers that the environment names, each of them, else those that run for the data directory.
 *
 * @throws ConfigurationError when neither names one
 */
export async function findServers(
  environment: NodeJS.ProcessEnv,
  dataDirectory: string,
): Promise<ServerAddresses> {
  const running = await readAddresses(dataDirectory);
  const given = givenAddresses(environment);
  const temporal = given.temporal ?? running?.temporal;
  const databaseUrl = given.databaseUrl ?? running?.databaseUrl;
  if (temporal !== undefined && databaseUrl !== undefined) return { temporal, databaseUrl };
  const missing = [
    temporal === undefined ? 'Temporal' : '',
    databaseUrl === undefined ? 'the catalogue' : '',
  ].filter((name) => name !== '');
  throw new ConfigurationError(`no address is known of ${missing.join(' and ')}`, {
    subject: dataDirectory,
    advice:
      'start the system with `npm start`, name its data directory with --data-dir, or set TEMPORAL_ADDRESS and CCAT_DATA_TRANSFER_DATABASE_URL',
  });
}

/** Opens what a command needs of the servers, and closes it whatever happens. */
export async function withCatalogue<T>(
  servers: ServerAddresses,
  act: (catalogue: Catalogue, dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await openDataSource(servers.databaseUrl);
  try {
    return await act(new Catalogue(dataSource), dataSource);
  } finally {
    await dataSource.destroy();
  }
}

/** As {@link withCatalogue}, for Temporal. */
export async function withTemporal<T>(
  servers: ServerAddresses,
  act: (client: Client) => Promise<T>,
): Promise<T> {
  const temporal = await connectTemporal(servers.temporal);
  try {
    return await act(temporal.client);
  } finally {
    await temporal.close();
  }
}

/** The settings as a worker with this environment has them. */
export function settingsFor(catalogue: Catalogue, environment: NodeJS.ProcessEnv): SettingsManager {
  return new SettingsManager(catalogue.settings, loadConfiguration(environment).settings);
}
