import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceUnavailableError } from '../../core/exceptions.js';
import type { Addresses } from './addresses.js';
import { findProgram } from './find-program.js';
import type { Program } from './program.js';
import { serverEnvironment } from './server-environment.js';
import type { StackContext } from './stack-context.js';

export const OBJECT_STORE = 's3';
const REGION = 'us-east-1';

export const objectStoreProgram: Program = {
  name: 'versitygw',
  title: 'the S3 server',
  variable: 'VERSITYGW',
  given: 'CCAT_DATA_TRANSFER_S3_ENDPOINT',
  versionPattern: /^Version\s+:/m,
  version: '1.8.0',
  goPackage: 'github.com/versity/versitygw/cmd/versitygw',
  buildTime: 'about 1 minute',
};

/**
 * Starts the S3 server: objects are plain files below `<data directory>/s3/<bucket>/<key>`.
 *
 * Their metadata lie in extended attributes, written together with the object; where the file system has none, in files
 * of their own beside the store.
 */
export async function startObjectStore(context: StackContext): Promise<Addresses['s3']> {
  const command = await findProgram(objectStoreProgram, context);
  const { paths, credentials } = context;
  // The name must not begin with that of the store: the server takes that for a folder inside it.
  const metadata = join(paths.root, 'metadata-of-s3');
  await mkdir(paths.s3, { recursive: true });
  // Once metadata lie in files, they stay there: the objects written so would otherwise have lost theirs.
  try {
    await start(context, command, existsSync(metadata) ? metadata : undefined);
  } catch (error) {
    if (!(error instanceof ServiceUnavailableError) || !isWithoutAttributes(error)) throw error;
    context.report('this file system has no extended attributes: metadata of S3 objects are kept in files');
    await mkdir(metadata);
    await start(context, command, metadata);
  }
  return {
    endpoint: `http://127.0.0.1:${context.ports.s3}`,
    region: REGION,
    accessKeyId: credentials.s3AccessKeyId,
    secretAccessKey: credentials.s3SecretAccessKey,
    root: paths.s3,
  };
}

async function start(context: StackContext, command: string, metadata?: string): Promise<void> {
  const { paths, ports, credentials, supervisor, environment } = context;
  const listen = ['--port', `127.0.0.1:${ports.s3}`, '--health', '/healthz', '--region', REGION, '--quiet'];
  const sidecar = metadata === undefined ? [] : ['--sidecar', metadata];
  await supervisor.start({
    name: OBJECT_STORE,
    command,
    args: [...listen, 'posix', ...sidecar, paths.s3],
    env: {
      ...serverEnvironment(environment),
      ROOT_ACCESS_KEY: credentials.s3AccessKeyId,
      ROOT_SECRET_KEY: credentials.s3SecretAccessKey,
    },
    ready: async () => {
      const answer = await fetch(`http://127.0.0.1:${ports.s3}/healthz`, {
        signal: AbortSignal.timeout(2_000),
      });
      if (!answer.ok) throw new ServiceUnavailableError(`the S3 server answers ${answer.status}`);
    },
  });
}

function isWithoutAttributes(error: ServiceUnavailableError): boolean {
  return JSON.stringify(error.context['log'] ?? '').includes('xattrs are not supported');
}
