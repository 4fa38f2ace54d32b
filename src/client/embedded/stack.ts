import { environmentFor, readAddresses, writeAddresses, type Addresses } from './addresses.js';
import { ensureCredentials } from './credentials.js';
import { dataPaths } from './data-directory.js';
import { givenAddresses } from './given-addresses.js';
import { endLeftovers } from './leftovers.js';
import { OBJECT_STORE, startObjectStore } from './object-store.js';
import { choosePorts } from './ports.js';
import { POSTGRES, startPostgres } from './postgres.js';
import type { StackContext, StackOptions } from './stack-context.js';
import { startTemporal, TEMPORAL } from './temporal.js';

export { environmentFor, readAddresses, type Addresses, type StackOptions };

export interface Stack {
  addresses: Addresses;
  /** Stops the servers that were started here; those given from outside go on. */
  stop(): Promise<void>;
}

/**
 * Starts the servers that are not given from outside: Temporal with its UI, PostgreSQL and an S3 store, all of them on
 * loopback and with their state in the data directory.
 *
 * What an earlier start left running there is ended first.
 *
 * @throws ConfigurationError when a server's program can't be had in any way, with all ways and why not
 * @throws ServiceUnavailableError when a server does not become ready
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const paths = dataPaths(options.dataDirectory);
  await endLeftovers(paths, options.report);
  const [ports, credentials] = [await choosePorts(paths), await ensureCredentials(paths)];
  const context: StackContext = { ...options, paths, ports, credentials };
  const given = givenAddresses(options.environment);
  const stop = () => options.supervisor.stop(TEMPORAL, POSTGRES, OBJECT_STORE);
  const parts = [
    Promise.resolve(given.temporal ?? startTemporal(context)),
    Promise.resolve(given.databaseUrl ?? startPostgres(context)),
    Promise.resolve(given.s3 ?? startObjectStore(context)),
  ] as const;
  try {
    // All are awaited, so that after a failure of one no other is still on its way up.
    await Promise.allSettled(parts);
    const [temporal, databaseUrl, s3] = await Promise.all(parts);
    const addresses = { temporal, databaseUrl, s3 };
    await writeAddresses(options.dataDirectory, addresses);
    return { addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
