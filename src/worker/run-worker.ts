import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Client, Connection, ScheduleOverlapPolicy } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { makeCatalogueActivities } from '../activities/catalogue.js';
import { makeTransferActivities } from '../activities/data-transfer.js';
import { makeUnpackingActivities } from '../activities/data-transfer-unpacking.js';
import { makeDeletionActivities } from '../activities/deletion.js';
import type { Dependencies, Progress } from '../activities/dependencies.js';
import { makeArchiveActivities } from '../activities/long-term-archive-transfer.js';
import { makePackagingActivities } from '../activities/raw-data-package-creation.js';
import { workerSettings } from '../core/configuration.js';
import { Catalogue } from '../core/database/catalogue.js';
import { openDataSource } from '../core/database/data-source.js';
import type { Location, Route } from '../core/database/records.js';
import { ConfigurationError } from '../core/exceptions.js';
import { makeLogger, type Logger } from '../core/logging.js';
import { observabilitySettings } from '../core/observability-settings.js';
import { CATALOGUE_WORK, OPERATIONS, type Operation } from '../core/operation-types.js';
import {
  CATALOGUE_QUEUE,
  parseTaskQueue,
  queuesOfLocation,
  WORKFLOW_QUEUE,
} from '../core/queue-discovery.js';
import { SettingsManager } from '../core/settings-manager.js';
import { S3ArchiveStore } from '../core/storage/s3-archive-store.js';
import { s3SettingsFromEnvironment } from '../core/storage/s3-settings.js';
import { makeTransport } from '../core/transport/make-transport.js';
import type { TransportTarget } from '../core/transport/transport.js';
import { plannerOf } from '../workflows/planners.js';
import { mapFailures } from './failure-interceptor.js';
import { observeRuntime, startObservability, type Observability } from './observability.js';
import { observeActivities } from './observe-activities.js';

export interface WorkerSelection {
  site: string;
  /** Only this location of the site. */
  location?: string;
  /** Only this operation. */
  operation?: Operation;
  /** Also the workflows and the catalogue's own work: wanted once or twice in the whole installation, near the catalogue. */
  workflows: boolean;
}

/**
 * Serves the queues of a site until the process is asked to stop (SIGINT, SIGTERM), then drains. Needs the environment that the
 * README lists.
 *
 * @throws ConfigurationError for wrong settings, an unknown site or a selection that leaves nothing to serve
 */
export async function runWorker(
  selection: WorkerSelection,
  environment: NodeJS.ProcessEnv,
  onProgress?: (progress: Progress) => void,
): Promise<void> {
  const configuration = workerSettings(environment);
  const observed = observabilitySettings(environment);
  const log = makeLogger({
    level: configuration.logLevel,
    format: configuration.logFormat,
    fields: { service: 'worker', site: selection.site },
  });
  const sdkMetrics = await observeRuntime(observed, selection.site, log);
  const dataSource = await openDataSource(configuration.databaseUrl);
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
    overrideEnvVars: given(environment),
  });
  const connection = await NativeConnection.connect(connectionOptions);
  const clientConnection = await Connection.connect(connectionOptions);
  const catalogue = new Catalogue(dataSource);
  const observability = await startObservability(observed, {
    catalogue,
    namespace,
    site: selection.site,
    log,
    delivers: selection.workflows,
    sdkMetrics,
    progresses: () => answers(clientConnection),
  });
  try {
    const client = new Client({ connection: clientConnection, namespace });
    const dependencies: Dependencies = {
      settings: new SettingsManager(catalogue.settings, configuration.configured, log),
      catalogue,
      log,
      metrics: observability.metrics,
      notifications: observability.notifications,
      // Read only where it is needed: a site without an archive has no keys.
      archiveStore: (location) => archiveStore(location, s3SettingsFromEnvironment(environment, location)),
      transport: (route, destination) => makeTransport(transportTarget(route, destination)),
      wakePlanner: (operation, place) => wakePlanner(client, log, operation, place),
      reportProgress: onProgress ?? (() => undefined),
    };
    const queues = await queuesToServe(catalogue, selection);
    const common = { connection, namespace, identity: `${selection.site}-${hostname()}-${process.pid}` };
    const workers = await Promise.all(
      workerOptions(queues, selection, dependencies, observability).map((options) =>
        Worker.create({ ...common, ...options }),
      ),
    );
    log.info('serving', { queues: workers.map((worker) => worker.options.taskQueue) });
    await runTogether(workers);
  } finally {
    await observability.close();
    await clientConnection.close();
    await connection.close();
    await dataSource.destroy();
  }
}

/** The queues of the locations of the site, as the catalogue has them and as the selection narrows them. */
async function queuesToServe(catalogue: Catalogue, selection: WorkerSelection): Promise<string[]> {
  const locations = (await catalogue.locations(selection.site)).filter(
    (one) => selection.location === undefined || one.name === selection.location,
  );
  const queues = locations
    .flatMap(queuesOfLocation)
    .filter(
      (queue) =>
        selection.operation === undefined || parseTaskQueue(queue)?.operation === selection.operation,
    );
  if (queues.length > 0 || selection.workflows) return queues;
  throw new ConfigurationError(`nothing to serve for site ${selection.site} with this selection`, {
    subject: selection.site,
    advice: 'Check the names with `cdt status`; the catalogue knows the sites and locations.',
  });
}

function workerOptions(
  queues: string[],
  { site, workflows }: WorkerSelection,
  dependencies: Dependencies,
  { metrics, influx }: Observability,
): (Partial<WorkerOptions> & { taskQueue: string })[] {
  const common = {
    interceptors: { activity: [observeActivities(metrics, influx, site), mapFailures] },
    shutdownGraceTime: '2 seconds',
    shutdownForceTime: '20 seconds',
    // So that a cancellation reaches an activity within seconds, whatever its heartbeat timeout.
    maxHeartbeatThrottleInterval: '5 seconds',
  };
  const activities = activitiesByOperation(dependencies);
  const options = queues.flatMap((taskQueue) => {
    const operation = parseTaskQueue(taskQueue)?.operation;
    if (operation === undefined || activities[operation] === undefined) return [];
    return {
      ...common,
      taskQueue,
      activities: activities[operation],
      maxConcurrentActivityTaskExecutions: OPERATIONS[operation].concurrency,
      activityTaskPollerBehavior: { type: 'simple-maximum' as const, maximum: 1 },
    };
  });
  if (!workflows) return options;
  return [
    ...options,
    {
      ...common,
      taskQueue: CATALOGUE_QUEUE,
      activities: makeCatalogueActivities(dependencies),
      maxConcurrentActivityTaskExecutions: CATALOGUE_WORK.concurrency,
    },
    { ...common, taskQueue: WORKFLOW_QUEUE, ...workflowCode() },
  ];
}

/** The work that is done at a location; operations that are only planned have none. */
function activitiesByOperation(dependencies: Dependencies): Partial<Record<Operation, object>> {
  return {
    raw_data_package_creation: makePackagingActivities(dependencies),
    data_transfer: makeTransferActivities(dependencies),
    data_transfer_unpacking: makeUnpackingActivities(dependencies),
    long_term_archive_transfer: makeArchiveActivities(dependencies),
    deletion: makeDeletionActivities(dependencies),
  };
}

/** The bundle that the build made; without one (a test, a development run) the sources, bundled at start. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const codePath = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.js', import.meta.url)) };
}

/** Runs workers until all have stopped; when one fails, the others are shut down too. */
async function runTogether(workers: Worker[]): Promise<void> {
  const shutDown = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const results = await Promise.allSettled(
    workers.map((worker) =>
      worker.run().catch((error: unknown) => {
        shutDown();
        throw error;
      }),
    ),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Asks the planner's schedule for a run now; one more after the running one, where it runs. Its schedule comes round anyway. */
async function wakePlanner(
  client: Client,
  log: Logger,
  operation: Operation,
  place: { site: string; location: string },
): Promise<void> {
  const planner = plannerOf(operation, place);
  if (planner === undefined) return;
  try {
    await client.schedule.getHandle(planner.id).trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  } catch (error) {
    log.warn('could not wake a planner; it runs at its next time', { planner: planner.id, error });
  }
}

function archiveStore(location: Location, s3: ReturnType<typeof s3SettingsFromEnvironment>): S3ArchiveStore {
  if (location.storageType !== 's3' || location.bucket === undefined) {
    throw new ConfigurationError(`${location.site}.${location.name} is no S3 store with a bucket`, {
      subject: location.name,
    });
  }
  return new S3ArchiveStore({ ...s3, endpoint: location.endpoint ?? s3.endpoint, bucket: location.bucket });
}

function transportTarget(route: Route, destination: Location): TransportTarget {
  const directory = route.options.directory ?? destination.path;
  if (directory === undefined)
    throw new ConfigurationError(`${destination.site}.${destination.name} is not on a disk`, {
      subject: route.name,
    });
  if (route.transport === 'local') return { transport: 'local', directory };
  const { host, port = 22, username, identityFile, knownHostsFile } = route.options;
  if (
    host === undefined ||
    username === undefined ||
    identityFile === undefined ||
    knownHostsFile === undefined
  ) {
    throw new ConfigurationError(
      `route ${route.name}: sftp needs host, username, identityFile and knownHostsFile`,
      {
        subject: route.name,
        advice: 'complete the options of the route in the topology',
      },
    );
  }
  return { transport: 'sftp', directory, host, port, username, identityFile, knownHostsFile };
}

/** Whether the Temporal server answers now. */
async function answers(connection: Connection): Promise<boolean> {
  try {
    await connection.withDeadline(Date.now() + 5000, () => connection.workflowService.getSystemInfo({}));
    return true;
  } catch {
    // That it does not is the answer.
    return false;
  }
}

/** The variables that are set: what envconfig takes for an environment. */
function given(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
