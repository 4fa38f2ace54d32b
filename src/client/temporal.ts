import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NetworkError } from '../core/exceptions.js';

/**
 * Opens a client for a Temporal server; TLS, API key and the like come from the environment or the profile (envconfig).
 *
 * @throws NetworkError when it does not answer; the client gives that no class of its own
 */
export async function connectTemporal(to: {
  address: string;
  namespace: string;
}): Promise<{ client: Client; close: () => Promise<void> }> {
  const { connectionOptions } = loadClientConnectConfig();
  try {
    const connection = await Connection.connect({ ...connectionOptions, address: to.address });
    return {
      client: new Client({ connection, namespace: to.namespace }),
      close: () => connection.close(),
    };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new NetworkError(`Temporal at ${to.address} does not answer: ${message}`, {
      subject: 'Temporal',
      advice: 'check that its server runs and can be reached',
      cause,
    });
  }
}
