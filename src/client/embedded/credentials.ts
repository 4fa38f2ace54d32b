import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { DataPaths } from './data-directory.js';
import { readPrivateJson, writePrivateJson } from './private-json.js';

const schema = z.object({
  databasePassword: z.string(),
  s3AccessKeyId: z.string(),
  s3SecretAccessKey: z.string(),
});
export type Credentials = z.infer<typeof schema>;

/** The generated credentials of a data directory: made once, kept for the owner alone. */
export async function ensureCredentials(paths: DataPaths): Promise<Credentials> {
  const file = join(paths.run, 'credentials.json');
  const kept = schema.safeParse(await readPrivateJson(file));
  if (kept.success) return kept.data;
  const made: Credentials = {
    databasePassword: randomBytes(24).toString('hex'),
    s3AccessKeyId: randomBytes(10).toString('hex').toUpperCase(),
    s3SecretAccessKey: randomBytes(24).toString('hex'),
  };
  await writePrivateJson(file, made);
  return made;
}
