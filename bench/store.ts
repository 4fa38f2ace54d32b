import { startObjectStore } from '../src/client/embedded/object-store.js';
import type { Addresses } from '../src/client/embedded/stack.js';
import { withServerDirectory } from './server-directory.js';

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
  return withServerDirectory('store', say, async (context) =>
    run(reached(await startObjectStore(context), context.environment)),
  );
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
