import { createClient } from 'redis';
import { NetworkError } from '../exceptions.js';
import type { Secret } from './secret.js';

/** What is used of Redis here. */
export interface RedisConnection {
  /** Sets a key that is gone after so many seconds. */
  setExpiring(key: string, value: string, seconds: number): Promise<void>;
  get(key: string): Promise<string | undefined>;
  remove(keys: string[]): Promise<void>;
  close(): void;
}

const CONNECT_TIMEOUT_MS = 5000;
const LONGEST_WAIT_MS = 10_000;

/**
 * A connection to the Redis that the observatory's monitors read: `redis://user:password@host:port/database`, or `rediss://` with TLS. It comes back
 * by itself after an outage; until then every command fails at once.
 *
 * @param onError told of each failure of the connection
 * @throws NetworkError if the server can't be reached or refuses the password
 */
export async function getRedisConnection(
  url: Secret,
  onError: (error: Error) => void = () => undefined,
): Promise<RedisConnection> {
  const client = createClient({
    url: url.reveal(),
    // A command that waits for an outage to end would tell of a moment that is long past.
    disableOfflineQueue: true,
    commandOptions: { timeout: CONNECT_TIMEOUT_MS },
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (tries, cause) => (connected ? Math.min(LONGEST_WAIT_MS, 2 ** tries * 100) : cause),
    },
  });
  let connected = false;
  client.on('error', (error: Error) => onError(error));
  try {
    await client.connect();
    connected = true;
  } catch (cause) {
    client.destroy();
    throw new NetworkError(
      `Redis can't be reached: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        subject: 'redis',
        advice: 'check CCAT_DATA_TRANSFER_REDIS_URL, and whether the server is up',
      },
    );
  }
  return {
    setExpiring: async (key, value, seconds) => {
      await client.set(key, value, { expiration: { type: 'EX', value: seconds } });
    },
    get: async (key) => (await client.get(key)) ?? undefined,
    remove: async (keys) => {
      await client.del(keys);
    },
    close: () => client.destroy(),
  };
}
