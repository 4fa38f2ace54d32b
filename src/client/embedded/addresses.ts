import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { ConfigurationError } from '../../core/exceptions.js';
import { dataPaths } from './data-directory.js';
import { writePrivateJson } from './private-json.js';

const schema = z.object({
  temporal: z.object({ address: z.string(), namespace: z.string(), uiUrl: z.string().optional() }),
  databaseUrl: z.string(),
  s3: z.object({
    endpoint: z.string(),
    region: z.string(),
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
    root: z.string().optional(),
  }),
});

/** Where the servers are that this system works with. Holds credentials: never to be logged. */
export type Addresses = z.infer<typeof schema>;

const fileOf = (dataDirectory: string) => dataPaths(dataDirectory).addresses;

/** Leaves the addresses for other commands, readable for the owner alone. */
export async function writeAddresses(dataDirectory: string, addresses: Addresses): Promise<void> {
  await writePrivateJson(fileOf(dataDirectory), addresses);
}

/**
 * The addresses of the servers that run for a data directory; undefined when none do.
 *
 * @throws ConfigurationError when the file is there but not readable
 */
export async function readAddresses(dataDirectory: string): Promise<Addresses | undefined> {
  const file = fileOf(dataDirectory);
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ConfigurationError(`${file} can't be read`, {
      subject: file,
      advice: 'start the servers again',
      cause,
    });
  }
}

/** The same as environment variables, for workers, tests and commands of any kind. */
export function environmentFor(addresses: Addresses): Record<string, string> {
  const { temporal, databaseUrl, s3 } = addresses;
  return {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    CCAT_DATA_TRANSFER_DATABASE_URL: databaseUrl,
    CCAT_DATA_TRANSFER_S3_ENDPOINT: s3.endpoint,
    CCAT_DATA_TRANSFER_S3_REGION: s3.region,
    CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID: s3.accessKeyId,
    CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
}
