import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';

/** Opens a client for a Temporal server; TLS, API key and the like come from the environment or the profile (envconfig). */
export async function connectTemporal(to: {
  address: string;
  namespace: string;
}): Promise<{ client: Client; close: () => Promise<void> }> {
  const { connectionOptions } = loadClientConnectConfig();
  const connection = await Connection.connect({ ...connectionOptions, address: to.address });
  return { client: new Client({ connection, namespace: to.namespace }), close: () => connection.close() };
}
