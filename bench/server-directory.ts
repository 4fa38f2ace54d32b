import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCredentials } from '../src/client/embedded/credentials.js';
import { lockDataDirectory } from '../src/client/embedded/data-directory.js';
import { choosePorts } from '../src/client/embedded/ports.js';
import type { StackContext } from '../src/client/embedded/stack-context.js';
import { Supervisor } from '../src/client/embedded/supervisor.js';
import { cleanEnvironment } from '../test/support/command.js';

/** Runs with what one server of the product's own is started with, on a new directory of which nothing is left afterwards. */
export async function withServerDirectory<T>(
  name: string,
  say: (line: string) => void,
  run: (context: StackContext) => Promise<T>,
): Promise<T> {
  const dataDirectory = await mkdtemp(join(tmpdir(), `cdt-bench-${name}-`));
  try {
    return await inServerDirectory(dataDirectory, say, run);
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

/** The same on a directory that stays; its servers are stopped. */
export async function inServerDirectory<T>(
  dataDirectory: string,
  say: (line: string) => void,
  run: (context: StackContext) => Promise<T>,
): Promise<T> {
  const lock = await lockDataDirectory(dataDirectory, say);
  const { paths } = lock;
  const supervisor = new Supervisor({ dataDirectory, report: say });
  try {
    const [ports, credentials] = [await choosePorts(paths), await ensureCredentials(paths)];
    const environment = cleanEnvironment();
    return await run({ dataDirectory, environment, report: say, supervisor, paths, ports, credentials });
  } finally {
    await supervisor.stopAll();
    await lock.release();
  }
}
