import { dataDirectoryOf } from './cli/directories.js';
import { DataTransferClient } from './client.js';
import { loadConfiguration } from '../core/configuration.js';
import { asOurs } from './errors.js';
import { operatorName } from './operator-name.js';
import { findServers } from './servers.js';

export interface ConnectOptions {
  /** The data directory of a running `cdt up`; what the environment names goes before it. */
  dataDirectory?: string;
  /** Instead of this process's own: TEMPORAL_ADDRESS, CCAT_DATA_TRANSFER_DATABASE_URL and all of docs/configuration.md. */
  environment?: NodeJS.ProcessEnv;
  /** Whose word the calls are; the user and the machine unless told otherwise. */
  by?: string;
}

/**
 * A client for the system that the environment, a configuration file or a data directory names. Servers are connected to by
 * the first call that needs them.
 *
 * @throws ConfigurationError where neither names the servers, or the configuration is wrong
 */
export async function connect(options: ConnectOptions = {}): Promise<DataTransferClient> {
  try {
    const environment = loadConfiguration(options.environment ?? process.env).asEnvironment();
    const servers = await findServers(environment, dataDirectoryOf(options.dataDirectory, environment));
    return new DataTransferClient(servers, { environment, by: options.by ?? operatorName() });
  } catch (error) {
    throw asOurs(error);
  }
}
