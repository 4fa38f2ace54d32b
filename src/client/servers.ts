import { ConfigurationError } from '../core/exceptions.js';
import { readAddresses, type Addresses } from './embedded/addresses.js';
import { givenAddresses } from './embedded/given-addresses.js';

/** Where clients find the servers. */
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
