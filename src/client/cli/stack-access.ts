import type { Client } from '@temporalio/client';
import type { DataSource } from 'typeorm';
import { loadConfiguration } from '../../core/configuration.js';
import { Catalogue } from '../../core/database/catalogue.js';
import { openDataSource } from '../../core/database/data-source.js';
import { SettingsManager } from '../../core/settings-manager.js';
import { DataTransferClient } from '../client.js';
import { operatorName } from '../operator-name.js';
import type { ServerAddresses } from '../servers.js';
import { connectTemporal } from '../temporal.js';

export { findServers, type ServerAddresses } from '../servers.js';

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

/** As {@link withCatalogue}, with both servers, each connected to when it is needed. */
export async function withClient<T>(
  servers: ServerAddresses,
  environment: NodeJS.ProcessEnv,
  act: (client: DataTransferClient) => Promise<T>,
): Promise<T> {
  const client = new DataTransferClient(servers, { environment, by: operatorName() });
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}

/** The settings as a worker with this environment has them. */
export function settingsFor(catalogue: Catalogue, environment: NodeJS.ProcessEnv): SettingsManager {
  return new SettingsManager(catalogue.settings, loadConfiguration(environment).settings);
}
