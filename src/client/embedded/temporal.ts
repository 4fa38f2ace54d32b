import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { PermanentError } from '../../core/exceptions.js';
import type { Addresses } from './addresses.js';
import { findProgram } from './find-program.js';
import type { Program } from './program.js';
import { serverEnvironment } from './server-environment.js';
import type { StackContext } from './stack-context.js';

export const TEMPORAL = 'temporal';
const NAMESPACE = 'default';

export const temporalProgram: Program = {
  name: 'temporal',
  title: 'the Temporal server',
  variable: 'TEMPORAL_CLI',
  given: 'TEMPORAL_ADDRESS or an envconfig profile',
  versionPattern: /^temporal version /,
  version: '1.5.1',
  goPackage: 'github.com/temporalio/cli/cmd/temporal',
  buildTime: 'about 3 minutes',
  download: downloadTemporal,
};

/** Starts Temporal's development server with its UI, on a file of its own. */
export async function startTemporal(context: StackContext): Promise<Addresses['temporal']> {
  const command = await findProgram(temporalProgram, context);
  const { paths, ports, supervisor } = context;
  const address = `127.0.0.1:${ports.temporal}`;
  await mkdir(paths.temporal, { recursive: true });
  await supervisor.start({
    name: TEMPORAL,
    command,
    args: [
      ...['server', 'start-dev', '--namespace', NAMESPACE, '--log-level', 'error'],
      ...[
        '--ip',
        '127.0.0.1',
        '--port',
        String(ports.temporal),
        '--ui-ip',
        '127.0.0.1',
        '--ui-port',
        String(ports.temporalUi),
      ],
      ...['--db-filename', join(paths.temporal, 'temporal.db')],
      // Twice as fast, and still nothing is lost when the process is killed.
      ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
    ],
    // A home of its own: the user's settings for the `temporal` command are not meant for this server.
    env: { ...serverEnvironment(context.environment), HOME: paths.temporal },
    ready: () => answers(address),
  });
  return { address, namespace: NAMESPACE, uiUrl: `http://127.0.0.1:${ports.temporalUi}` };
}

/** Rejects while the server does not know its namespace yet. */
async function answers(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: '2s' });
  try {
    await connection.workflowService.describeNamespace({ namespace: NAMESPACE });
  } finally {
    await connection.close();
  }
}

/** Lets Temporal's testing package fetch the server, as it does for tests, and keeps what it fetched. */
async function downloadTemporal(folder: string): Promise<string> {
  const { TestWorkflowEnvironment } = await import('@temporalio/testing');
  const downloads = join(folder, 'download');
  await mkdir(downloads, { recursive: true });
  const options = { executable: { type: 'cached-download', downloadDir: downloads } } as const;
  const environment = await TestWorkflowEnvironment.createLocal({ server: options });
  await environment.teardown();
  const [file] = await readdir(downloads);
  if (file === undefined) throw new PermanentError('the download left no program behind');
  const target = join(folder, `temporal-downloaded-${process.platform}-${process.arch}`);
  await rename(join(downloads, file), target);
  return target;
}
