import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DataSource } from 'typeorm';
import { makeCatalogueActivities } from '../../../src/activities/catalogue.js';
import { makeTransferActivities } from '../../../src/activities/data-transfer.js';
import { makeUnpackingActivities } from '../../../src/activities/data-transfer-unpacking.js';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { FoundEntry, Topology } from '../../../src/core/database/records.js';
import { makeLogger } from '../../../src/core/logging.js';
import type { Notice } from '../../../src/core/notification-service.js';
import { createPackage } from '../../../src/core/package/create-package.js';
import { scanSource } from '../../../src/core/package/scan-source.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../../src/core/queue-discovery.js';
import { SettingsManager, type ConfiguredSettings } from '../../../src/core/settings-manager.js';
import { makeTransport } from '../../../src/core/transport/make-transport.js';
import type { Transport } from '../../../src/core/transport/transport.js';
import { startJourneys } from '../../../src/worker/start-journeys.js';
import { wakeWaiting } from '../../../src/worker/wake-waiting.js';
import { withCleanup } from '../../support/cleanup.js';
import { countedLink, type CountedLink } from '../../support/link.js';
import { withScratch } from '../../support/scratch.js';
import { liveness } from './breakers.js';
import { withCatalogue } from './database.js';
import { withSshd } from './sshd.js';
import { withTemporal, type TemporalLab } from './temporal.js';

/** Two buffers and two routes between them: `first`, over a line to a real SSH server, and `second`, over a shared disk. */
interface Routes {
  first: boolean;
  second: boolean;
  maxBytesPerSecond?: number;
}

export interface SendingLab {
  temporal: TemporalLab;
  catalogue: Catalogue;
  dataSource: DataSource;
  line: CountedLink;
  notices: Notice[];
  /** The buffers' directories. */
  here: string;
  there: string;
  /** Makes a package of one new observation with this many bytes; answers with its ID and name. */
  package(bytes: number): Promise<{ id: string; name: string }>;
  /** Switches the routes, and limits the first. */
  routes(routes: Routes): Promise<void>;
  /** Runs the planner of the buffer once. */
  plan(): Promise<void>;
}

/** The real workflows and activities that send; only `spoil` puts faults in, behind the back of a transport. */
export function withSending(
  t: TestContext,
  settings: ConfiguredSettings,
  run: (lab: SendingLab) => Promise<void>,
  spoil: (transport: Transport) => Transport = (transport) => transport,
): Promise<void> {
  return withScratch(t, (scratch) =>
    withCatalogue(({ catalogue, dataSource }) =>
      withCleanup((cleanup) =>
        withSshd((sshd) =>
          withTemporal(async (temporal) => {
            const [source, here, there] = ['source', 'here', 'there'].map((name) => join(scratch, name)) as [
              string,
              string,
              string,
            ];
            for (const path of [source, here, there]) mkdirSync(path);
            const line = await countedLink(cleanup, sshd.port);
            const routes = (wanted: Routes) =>
              catalogue.ensureTopology(topology({ source, here, there }, wanted));
            await routes({ first: true, second: false });
            const notices: Notice[] = [];
            const atRunTime = new SettingsManager(catalogue.settings, {
              'transfer.bundle_packages': 1,
              ...settings,
            });
            const dependencies = {
              catalogue,
              settings: atRunTime,
              ...liveness(catalogue, atRunTime, notices, async (subject) => {
                await wakeWaiting(temporal.client, subject);
              }),
              log: makeLogger({ level: 'error', format: 'json' }),
              notifications: { tell: (notice: Notice) => Promise.resolve(void notices.push(notice)) },
              transport: ({ name }: { name: string }) =>
                spoil(
                  makeTransport(
                    name === 'second'
                      ? { transport: 'local', directory: there }
                      : sshd.target(there, { port: line.port }),
                  ),
                ),
              wakePlanner: () => Promise.resolve(),
              startJourneys: startJourneys(temporal.client),
              reportProgress: () => undefined,
            } as unknown as Dependencies;
            const activities = {
              [CATALOGUE_QUEUE]: makeCatalogueActivities(dependencies),
              [taskQueue('ccat', 'buffer', 'data_transfer')]: makeTransferActivities(dependencies),
              [taskQueue('cologne', 'buffer', 'data_transfer_unpacking')]:
                makeUnpackingActivities(dependencies),
            };
            let made = 0;
            await temporal.withWorkers(activities, () =>
              run({
                temporal,
                catalogue,
                dataSource,
                line,
                notices,
                here,
                there,
                routes,
                package: (bytes) => makePackage(catalogue, { source, here }, `obs-${++made}`, bytes),
                plan: async () => {
                  await temporal.client.workflow.execute('dataTransferPackageCreation', {
                    workflowId: temporal.unique('plan'),
                    taskQueue: WORKFLOW_QUEUE,
                    args: [{ buffer: { site: 'ccat', location: 'buffer' } }],
                  });
                },
              }),
            );
          }),
        ),
      ),
    ),
  );
}

function topology(
  paths: { source: string; here: string; there: string },
  { first, second, maxBytesPerSecond }: Routes,
): Topology {
  const common = { priority: 1, active: true };
  const disk = { ...common, storageType: 'disk' as const, deletable: true };
  const route = { ...common, origin: 'ccat', destination: 'cologne', routeType: 'direct' as const };
  return {
    sites: ['ccat', 'cologne'].map((site) => ({ shortName: site, name: site })),
    locations: [
      { ...disk, site: 'ccat', name: 'source', locationType: 'source', path: paths.source },
      { ...disk, site: 'ccat', name: 'buffer', locationType: 'buffer', path: paths.here },
      { ...disk, site: 'cologne', name: 'buffer', locationType: 'buffer', path: paths.there },
      {
        ...common,
        site: 'cologne',
        name: 'lta',
        locationType: 'long_term_archive',
        storageType: 's3',
        bucket: 'archive',
        deletable: false,
      },
    ],
    routes: [
      { ...route, name: 'first', transport: 'sftp', active: first, maxBytesPerSecond, options: {} },
      { ...route, name: 'second', transport: 'local', priority: 2, active: second, options: {} },
    ],
  };
}

async function makePackage(
  catalogue: Catalogue,
  { source, here }: { source: string; here: string },
  observation: string,
  bytes: number,
): Promise<{ id: string; name: string }> {
  mkdirSync(join(source, observation));
  writeFileSync(join(source, observation, 'file'), randomBytes(bytes));
  const at = await catalogue.location('ccat', 'source');
  const entries: FoundEntry[] = [];
  for await (const findings of scanSource(source, { quietSeconds: 0, now: Date.now() }))
    for (const found of findings) if ('entry' in found) entries.push({ ...found.entry, quiet: true });
  await catalogue.registerEntries(at.id, entries, 0);
  const [planned] = await catalogue.planRawDataPackages({
    sourceLocationId: at.id,
    bufferLocationId: (await catalogue.location('ccat', 'buffer')).id,
    maxBytes: 1e12,
    maxFiles: 1e6,
    executionQuietSeconds: 0,
    waitSeconds: 0,
    limit: 1,
  });
  if (planned === undefined) throw new Error('nothing was planned');
  const order = await catalogue.packageOrder(planned.id);
  const result = await createPackage({
    sourceRoot: source,
    entries: order.entries,
    name: planned.name,
    destination: join(here, `${planned.name}.tar`),
    bagInfo: {},
  });
  await catalogue.recordPackageCreated(planned.id, result);
  return { id: planned.id, name: planned.name };
}
