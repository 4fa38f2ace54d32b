import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

const NAME = 'ccat-data-transfer';

/**
 * The folder for programs that were built or downloaded once: shared by all data directories of a user, or inside the data
 * directory where the user's home can't be written.
 */
export async function cacheDirectory(options: {
  environment: NodeJS.ProcessEnv;
  dataDirectory: string;
}): Promise<string> {
  const home = options.environment['HOME'] || homedir();
  const base = options.environment['XDG_CACHE_HOME'] || join(home, '.cache');
  const shared = join(base, NAME);
  const folder = (await isWritable(shared)) ? shared : join(options.dataDirectory, 'cache');
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Tried by writing: permission bits say nothing of read-only file systems and full quotas. */
async function isWritable(folder: string): Promise<boolean> {
  const probe = join(folder, `.probe-${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(probe, '');
    await rm(probe);
    return true;
  } catch {
    return false;
  }
}
