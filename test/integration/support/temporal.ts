import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { registerSearchAttributes } from '../../../src/client/set-up.js';
import { CATALOGUE_QUEUE, WORKFLOW_QUEUE } from '../../../src/core/queue-discovery.js';
import { mapFailures } from '../../../src/worker/failure-interceptor.js';

// Failures are what these tests provoke; only a defect of the tests themselves is worth a line.
const logger = new DefaultLogger('ERROR');
Runtime.install({ logger });

/** The workflows as workers run them: the bundle that the build made. */
export const workflowBundle = {
  codePath: fileURLToPath(new URL('../../../workflow-bundle.js', import.meta.url)),
};

export interface TemporalLab {
  client: Client;
  /** Makes workflow IDs unique to this test run: the server is shared. */
  unique(id: string): string;
  /** Runs the real workflows with these activities, each on the queues named. */
  withWorkers<T>(activities: Record<string, object>, act: () => Promise<T>): Promise<T>;
}

/** Opens the Temporal server that `npm test` started (TEMPORAL_ADDRESS), in a namespace of its own. */
export async function withTemporal<T>(act: (lab: TemporalLab) => Promise<T>): Promise<T> {
  const address = process.env['TEMPORAL_ADDRESS'];
  if (address === undefined) throw new Error('TEMPORAL_ADDRESS is not set: run the tests by npm test');
  const namespace = `test-${randomBytes(4).toString('hex')}`;
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection, namespace });
  await untilNamespaceServes(client);
  try {
    return await act({
      client,
      unique: (id) => `${id}/${randomBytes(4).toString('hex')}`,
      withWorkers: async (activities, inner) => {
        const queues = { [WORKFLOW_QUEUE]: {}, [CATALOGUE_QUEUE]: {}, ...activities };
        const workers = await Promise.all(
          Object.entries(queues).map(([taskQueue, made]) =>
            Worker.create({
              connection: native,
              namespace,
              taskQueue,
              activities: made,
              interceptors: { activity: [mapFailures] },
              ...(taskQueue === WORKFLOW_QUEUE ? { workflowBundle } : {}),
            }),
          ),
        );
        const running = Promise.all(workers.map((worker) => worker.run()));
        try {
          return await Promise.race([
            inner(),
            running.then(() => Promise.reject(new Error('the workers ended too early'))),
          ]);
        } finally {
          for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
          await running;
        }
      },
    });
  } finally {
    await native.close();
    await connection.close();
  }
}

/** A new namespace may take some seconds until every part of the server knows it. */
async function untilNamespaceServes(client: Client): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await registerSearchAttributes(client);
      await client.workflow.count('CdtState = "running"');
      return;
    } catch (error) {
      if (tries > 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
