import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cleanup } from '../src/client/cli/up/cleanup.js';
import { prepareSystem, type System } from '../src/client/cli/up/system.js';
import { ARCHIVE, DESTINATION, ORIGIN } from '../src/client/cli/up/topology.js';
import { startWorkers, stopWorkers } from '../src/client/cli/up/workers.js';
import { startStack } from '../src/client/embedded/stack.js';
import { Supervisor } from '../src/client/embedded/supervisor.js';
import { variableOf } from '../src/core/settings-registry.js';
import { cleanEnvironment } from '../test/support/command.js';
import { archivedKeys } from '../test/support/read-archive.js';
import { Account } from './account.js';

/** Between two looks of planners and at disks: what the product does unless it is told otherwise. */
export const INTERVAL_SECONDS = 60;
const QUIET_SECONDS = 1;

/** How the processes show themselves on their command lines. */
const PARTS = {
  [`worker of ${ORIGIN}`]: new RegExp(`main\\.js --site ${ORIGIN}\\b`),
  [`worker of ${DESTINATION}`]: new RegExp(`main\\.js --site ${DESTINATION}\\b`),
  Temporal: /temporal.*\bstart-dev\b/,
  PostgreSQL: /postgres.* -D /,
  'S3 store': /versitygw.*\bposix\b/,
};

/** A source, two sites with a worker each, and real servers, as `cdt up` starts them, on new directories. */
export interface Observatory extends System {
  /** Where the instrument writes. */
  sourceFolder: string;
  account: Account;
  startWorkers(): Promise<void>;
  /** What is still to be done, as the disks show it. */
  look(): Promise<Remaining>;
}

export interface Remaining {
  /** Files at the source. */
  source: number;
  /** Files in the buffers of both sites. */
  buffered: number;
  archived: number;
}

/** Runs with an observatory for the bench of this name, of which nothing is left afterwards, whichever way it ends. */
export async function withObservatory<T>(
  options: { bench: string; signal: AbortSignal; say: (line: string) => void },
  run: (observatory: Observatory) => Promise<T>,
): Promise<T> {
  const cleanup = new Cleanup(options.say);
  try {
    const dataDirectory = await mkdtemp(join(tmpdir(), `cdt-bench-${options.bench}-`));
    cleanup.add('the files', () => rm(dataDirectory, { recursive: true, force: true }));
    return await run(await start(dataDirectory, cleanup, options));
  } finally {
    await cleanup.run();
  }
}

async function start(
  dataDirectory: string,
  cleanup: Cleanup,
  { signal, say }: { signal: AbortSignal; say: (line: string) => void },
): Promise<Observatory> {
  const environment = cleanEnvironment({
    [variableOf('planning.interval_seconds')]: String(INTERVAL_SECONDS),
    [variableOf('monitoring.interval_seconds')]: String(INTERVAL_SECONDS),
  });
  const sourceFolder = join(dataDirectory, 'source');
  await mkdir(sourceFolder);
  const supervisor = new Supervisor({ dataDirectory, report: say });
  cleanup.add('the servers', () => supervisor.stopAll());
  const { addresses } = await startStack({ dataDirectory, environment, report: say, supervisor, signal });
  const source = { name: 'instrument', directory: sourceFolder, deletable: true };
  const system = await prepareSystem(addresses, source, { dataDirectory, cleanup, signal, report: say });
  const account = new Account(PARTS);
  cleanup.add('the account', () => {
    account.close();
    return Promise.resolve();
  });
  const buffers = [ORIGIN, DESTINATION].map((site) => join(dataDirectory, 'sites', site, 'buffer'));
  return {
    ...system,
    sourceFolder,
    account,
    async startWorkers() {
      cleanup.add('the workers', () => stopWorkers(supervisor));
      const quietSeconds = QUIET_SECONDS;
      await startWorkers({ supervisor, addresses, environment, quietSeconds, onMessage: () => undefined });
    },
    async look() {
      const [source, ...buffered] = await Promise.all([sourceFolder, ...buffers].map(filesBelow));
      return {
        source: source ?? 0,
        buffered: buffered.reduce((sum, count) => sum + count, 0),
        archived: archivedKeys(addresses.s3.root!, ARCHIVE.bucket).length,
      };
    },
  };
}

/** But for what says whose a disk is. */
async function filesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.cdt-')).length;
}
