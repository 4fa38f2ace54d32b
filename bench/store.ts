import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureCredentials } from '../src/client/embedded/credentials.js';
import { dataPaths, lockDataDirectory } from '../src/client/embedded/data-directory.js';
import { startObjectStore } from '../src/client/embedded/object-store.js';
import { choosePorts } from '../src/client/embedded/ports.js';
import type { Addresses } from '../src/client/embedded/stack.js';
import { Supervisor } from '../src/client/embedded/supervisor.js';
import { cleanEnvironment } from '../test/support/command.js';

/** A store of one's own, and how programs reach it. */
export interface BenchStore {
  /** Where its objects are plain files, `<root>/<bucket>/<key>`. */
  root: string;
  /** For ours. */
  environment: NodeJS.ProcessEnv;
  /** For rclone: the remote to put before `bucket/path`, and its variables, so that no key stands on a command line. */
  rclone: { remote: string; environment: NodeJS.ProcessEnv };
}

/** Runs with a real S3 store on an empty directory, of which nothing is left afterwards. */
export async function withStore<T>(
  say: (line: string) => void,
  run: (store: BenchStore) => Promise<T>,
): Promise<T> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'cdt-bench-store-'));
  const lock = await lockDataDirectory(dataDirectory, say);
  const supervisor = new Supervisor({ dataDirectory, report: say });
  try {
    const paths = dataPaths(dataDirectory);
    const [ports, credentials] = [await choosePorts(paths), await ensureCredentials(paths)];
    const environment = cleanEnvironment();
    const context = { dataDirectory, environment, report: say, supervisor, paths, ports, credentials };
    return await run(reached(await startObjectStore(context), environment));
  } finally {
    await supervisor.stopAll();
    await lock.release();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

/** How programs reach a store. */
export function reached(
  { endpoint, region, accessKeyId, secretAccessKey, root }: Addresses['s3'],
  environment: NodeJS.ProcessEnv,
): BenchStore {
  if (root === undefined) throw new Error('the bench looks at the files of a store of its own: name none');
  return {
    root,
    environment: {
      ...environment,
      CCAT_DATA_TRANSFER_S3_ENDPOINT: endpoint,
      CCAT_DATA_TRANSFER_S3_REGION: region,
      CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID: accessKeyId,
      CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY: secretAccessKey,
    },
    rclone: {
      remote: ':s3:',
      environment: {
        ...withoutAws(environment),
        RCLONE_CONFIG: '/dev/null',
        RCLONE_S3_PROVIDER: 'Other',
        RCLONE_S3_ENDPOINT: endpoint,
        RCLONE_S3_REGION: region,
        RCLONE_S3_ACCESS_KEY_ID: accessKeyId,
        RCLONE_S3_SECRET_ACCESS_KEY: secretAccessKey,
      },
    },
  };
}

/** What a user set for another store is not for this one. */
function withoutAws(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('AWS_')));
}
