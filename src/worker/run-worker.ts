import { hostname } from 'node:os';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker } from '@temporalio/worker';
import { makeArchiveInventoryActivities } from '../activities/archive-inventory.js';
import { makeAuditActivities } from '../activities/audit.js';
import { makeAuditRecordActivities } from '../activities/audit-records.js';
import { makeCatalogueActivities } from '../activities/catalogue.js';
import { makeTransferActivities } from '../activities/data-transfer.js';
import { makeUnpackingActivities } from '../activities/data-transfer-unpacking.js';
import { makeDeletionActivities } from '../activities/deletion.js';
import type { Dependencies, Progress } from '../activities/dependencies.js';
import { makeArchiveActivities } from '../activities/long-term-archive-transfer.js';
import { makeMonitoringActivities } from '../activities/monitoring.js';
import { makePackagingActivities } from '../activities/raw-data-package-creation.js';
import { makeRepairDetourActivities } from '../activities/repair-detour.js';
import { makeStagingActivities } from '../activities/staging.js';
import { makeStagingCatalogueActivities } from '../activities/staging-catalogue.js';
import { AttemptLogs } from '../core/attempt-logs.js';
import { BreakerService } from '../core/breakers.js';
import { loadConfiguration } from '../core/configuration.js';
import { Catalogue } from '../core/database/catalogue.js';
import { openDataSource } from '../core/database/data-source.js';
import { formatFor, makeLogger } from '../core/logging.js';
import { observabilitySettings } from '../core/observability-settings.js';
import type { Operation } from '../core/operation-types.js';
import { CATALOGUE_QUEUE, WORKFLOW_QUEUE } from '../core/queue-discovery.js';
import { SettingsManager } from '../core/settings-manager.js';
import { Together } from '../core/utilities/together.js';
import { TokenBuckets } from '../core/utilities/token-bucket.js';
import { archiveStores } from './archive-stores.js';
import { mapFailures } from './failure-interceptor.js';
import { TopologyFollower } from './follow-topology.js';
import { boundHeapGrowth } from './heap-growth.js';
import { logAttempts } from './log-attempts.js';
import { observeRuntime, startObservability } from './observability.js';
import { observeActivities } from './observe-activities.js';
import { ScheduleFollower, wantedSchedules } from './planner-schedules.js';
import { QueueWatch } from './queue-watch.js';
import type { WorkerSelection } from './selection.js';
import { serviceShutdown } from './shutdown.js';
import { startJourneys } from './start-journeys.js';
import { startStream } from './stream/start-stream.js';
import { activityBacklog, queueStates } from './task-queues.js';
import { transports } from './transports.js';
import { wakePlanner } from './wake-planner.js';
import { wakeWaiting } from './wake-waiting.js';
import { workByQueue, workerOptions } from './worker-options.js';
import { WorkerSet } from './worker-set.js';

/** What wakes a planner within this time wakes it once: it looks at all there is, and each look costs. */
const WAKES_TOGETHER_MS = 2000;

/**
 * Serves the queues of a site until the process is asked to stop (SIGINT, SIGTERM), then drains. Follows the catalogue: what is added
 * there is served within seconds, also where nothing of the selection is there yet. What it needs to know is told in
 * docs/configuration.md.
 *
 * @throws ConfigurationError for wrong settings
 */
export async function runWorker(
  selection: WorkerSelection,
  given: NodeJS.ProcessEnv,
  onProgress?: (progress: Progress) => void,
): Promise<void> {
  boundHeapGrowth();
  const configuration = loadConfiguration(given, ['database.url']);
  const environment = configuration.asEnvironment();
  const observed = observabilitySettings(configuration);
  const log = makeLogger({
    level: configuration.values['log.level'],
    format: configuration.values['log.format'] ?? formatFor(process.stderr),
    fields: { service: 'worker', site: selection.site ?? 'all' },
  });
  const place = selection.site ?? 'all';
  const sdkMetrics = await observeRuntime(observed, place, log);
  const stop = serviceShutdown(log);
  const dataSource = await openDataSource(String(configuration.values['database.url']?.reveal()), {
    poolSize: configuration.values['database.pool_size'],
    statementSeconds: configuration.values['database.statement_timeout'],
    connectSeconds: configuration.values['database.connect_timeout'],
  });
  const { connectionOptions, namespace = 'default' } = loadClientConnectConfig({
    overrideEnvVars: setOnly(environment),
  });
  const connection = await NativeConnection.connect(connectionOptions);
  const clientConnection = await Connection.connect(connectionOptions);
  const catalogue = new Catalogue(dataSource);
  const client = new Client({ connection: clientConnection, namespace });
  const observability = await startObservability(observed, {
    catalogue,
    client,
    namespace,
    site: place,
    log,
    delivers: selection.workflows,
    sdkMetrics,
    progresses: () => answers(clientConnection),
  });
  try {
    const settings = new SettingsManager(catalogue.settings, configuration.settings, log);
    const stream = startStream(configuration, selection, { catalogue, log, ...observability });
    const wakes = new Together(WAKES_TOGETHER_MS);
    const dependencies: Dependencies = {
      settings,
      catalogue,
      log,
      metrics: observability.metrics,
      notifications: observability.notifications,
      archiveStore: archiveStores({
        environment,
        catalogue,
        settings,
        log,
        notifications: observability.notifications,
      }),
      breakers: new BreakerService({
        catalogue: catalogue.liveness,
        settings,
        notifications: observability.notifications,
        log,
        onUsedAgain: async (subject) => {
          // Whoever is not told looks again at its time.
          await wakeWaiting(client, subject).catch((error: unknown) =>
            log.warn('could not tell all that waited', { ...subject, error }),
          );
        },
      }),
      routeLimits: new TokenBuckets(),
      transport: transports(log, stream.transport),
      wakePlanner: (operation, place) =>
        wakes.call(`${operation} ${place.site}.${place.location}`, () =>
          wakePlanner(client, log, operation, place),
        ),
      startJourneys: startJourneys(client),
      reportProgress: onProgress ?? (() => undefined),
    };
    const work = workByQueue(activitiesByOperation(dependencies), {
      ...makeCatalogueActivities(dependencies),
      ...makeStagingCatalogueActivities(dependencies),
      ...makeAuditRecordActivities(dependencies),
    });
    const identity = `${place}-${hostname()}-${process.pid}`;
    const activityInterceptors = [
      observeActivities(observability.metrics, observability.influx, place),
      mapFailures,
      logAttempts(new AttemptLogs(observed.commandLogs, place, catalogue.transferLogs, log)),
    ];
    const serving = new WorkerSet(
      (queue) =>
        Worker.create({
          connection,
          namespace,
          identity,
          ...workerOptions(queue, work(queue), activityInterceptors),
        }),
      log,
    );
    const topology = new TopologyFollower({
      selection,
      locations: () => catalogue.locations(selection.site),
      serving,
      able: (queue) => work(queue) !== undefined,
      backlog: (queue) => activityBacklog(client, queue),
      log,
    });
    const following = [topology.run(stop), ...stream.run(stop)];
    if (selection.workflows) {
      await serving.serve(CATALOGUE_QUEUE);
      await serving.serve(WORKFLOW_QUEUE);
      const schedules = new ScheduleFollower(client, () => wantedSchedules(catalogue, settings), log);
      const queues = async () => queueStates(client, await catalogue.locations());
      const watch = new QueueWatch(queues, observability.notifications, log);
      following.push(schedules.run(stop), watch.run(stop));
    }
    try {
      await Promise.race([Promise.all(following), serving.failed]);
    } finally {
      await serving.stop();
      await wakes.flush();
      await stream.close();
    }
  } finally {
    await observability.close();
    await clientConnection.close();
    await connection.close();
    await dataSource.destroy();
  }
}

/** The work that is done at a location; operations that are only planned have none. */
function activitiesByOperation(dependencies: Dependencies): Partial<Record<Operation, object>> {
  return {
    raw_data_package_creation: makePackagingActivities(dependencies),
    data_transfer: makeTransferActivities(dependencies),
    data_transfer_unpacking: makeUnpackingActivities(dependencies),
    long_term_archive_transfer: makeArchiveActivities(dependencies),
    staging: makeStagingActivities(dependencies),
    deletion: makeDeletionActivities(dependencies),
    audit: {
      ...makeAuditActivities(dependencies),
      ...makeRepairDetourActivities(dependencies),
      ...makeArchiveInventoryActivities(dependencies),
    },
    monitoring: makeMonitoringActivities(dependencies),
  };
}

/** The variables that are set: what envconfig takes for an environment. */
function setOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
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
