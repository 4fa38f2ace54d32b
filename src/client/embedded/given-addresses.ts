import { loadClientConnectConfig } from '@temporalio/envconfig';
import { ConfigurationError } from '../../core/exceptions.js';
import { s3SettingsFromEnvironment } from '../../core/storage/s3-settings.js';
import type { Addresses } from './addresses.js';

/**
 * The servers that the environment names; they are used as they are, and none is started in their place.
 *
 * @throws ConfigurationError when one is named by halves
 */
export function givenAddresses(environment: NodeJS.ProcessEnv): Partial<Addresses> {
  return {
    temporal: givenTemporal(environment),
    databaseUrl: environment['CCAT_DATA_TRANSFER_DATABASE_URL'] || undefined,
    s3: givenObjectStore(environment),
  };
}

/** The Temporal server that the environment or an envconfig profile names; undefined when neither does. */
function givenTemporal(environment: NodeJS.ProcessEnv): Addresses['temporal'] | undefined {
  const given = temporalProfile(environment);
  const address = given.connectionOptions.address;
  return address === undefined || address === ''
    ? undefined
    : { address, namespace: given.namespace ?? 'default' };
}

/**
 * The S3 store that the environment names; undefined when it names none.
 *
 * @throws ConfigurationError when an endpoint is named without its keys
 */
function givenObjectStore(environment: NodeJS.ProcessEnv): Addresses['s3'] | undefined {
  const endpoint = environment['CCAT_DATA_TRANSFER_S3_ENDPOINT'];
  if (endpoint === undefined || endpoint === '') return undefined;
  const { region, accessKeyId, secretAccessKey } = s3SettingsFromEnvironment(environment);
  return { endpoint, region, accessKeyId, secretAccessKey: secretAccessKey.reveal() };
}

function temporalProfile(environment: NodeJS.ProcessEnv): ReturnType<typeof loadClientConnectConfig> {
  const set = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  try {
    return loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(set) });
  } catch (cause) {
    throw new ConfigurationError(`the Temporal client's configuration can't be used: ${String(cause)}`, {
      operation: 'start',
      subject: environment['TEMPORAL_CONFIG_FILE'] ?? 'temporal.toml',
      advice: 'correct the file, TEMPORAL_PROFILE or the TEMPORAL_ variables',
      cause,
    });
  }
}
