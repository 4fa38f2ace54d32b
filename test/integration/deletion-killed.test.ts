import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import type { DataSource } from 'typeorm';
import { makeCatalogueActivities } from '../../src/activities/catalogue.js';
import { makeChallengeActivities } from '../../src/activities/archive-challenge.js';
import type { Dependencies } from '../../src/activities/dependencies.js';
import { setSetting } from '../../src/client/settings.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { makeLogger } from '../../src/core/logging.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { deletionId } from '../../src/workflows/journeys.js';
import { withCleanup, type Cleanup } from '../support/cleanup.js';
import { cleanEnvironment } from '../support/command.js';
import { withScratch } from '../support/scratch.js';
import { eventually } from '../support/sites.js';
import { archivedObservatory } from './support/archived.js';
import { liveness } from './support/breakers.js';
import { withCatalogue } from './support/database.js';
import { withTemporal } from './support/temporal.js';

const CDT = fileURLToPath(new URL('../../../bin/cdt.mjs', import.meta.url));
const AUTHOR = { by: 'night shift', note: 'a test' };

interface Laboratory {
  catalogue: Catalogue;
  dataSource: DataSource;
  client: Client;
  packages: { id: string; name: string; tar: string }[];
  /** Starts the deletion of a package. */
  deletes(one: { id: string; name: string }): Promise<void>;
  /** Starts `cdt worker` for what is deleted at ccat. */
  worker(): { process: ChildProcess; ended: Promise<number | NodeJS.Signals>; log: () => string };
  /** Nobody seals the audit log meanwhile: whoever deletes waits between the mark and the unlinking. */
  holdSealing(): Promise<() => Promise<void>>;
  stateOf(packageId: string): Promise<string | undefined>;
  /** Waits until the tar in the buffer and the files at the source are both marked: each is marked by an activity of its own. */
  marked(packageId: string): Promise<unknown>;
}

test(
  'a worker that is killed between mark and unlinking: what it began is completed by the next one, or undone where it is held since',
  { timeout: 240_000 },
  (t) =>
    inLaboratory(t, async (lab) => {
      const [completed, held] = lab.packages as [Laboratory['packages'][0], Laboratory['packages'][0]];
      const release = await lab.holdSealing();
      const first = lab.worker();
      await Promise.all(lab.packages.map((one) => lab.deletes(one)));
      for (const { id } of lab.packages) await lab.marked(id);
      first.process.kill('SIGKILL');
      assert.equal(await first.ended, 'SIGKILL');
      for (const { tar } of lab.packages)
        assert.ok(existsSync(tar), 'not a byte goes before its evidence is sealed');
      const { underWay } = await lab.catalogue.deletions.hold(held.id, 'under study', 'ada');
      assert.equal(underWay, 2, 'the tar, and the files at the source');
      await release();

      lab.worker();
      await eventually(
        'one goes',
        () => lab.stateOf(completed.id),
        (state) => state === 'deleted',
      );
      await eventually(
        'one stays',
        () => lab.stateOf(held.id),
        (state) => state === 'deletion_failed',
      );
      assert.deepEqual([existsSync(completed.tar), existsSync(held.tar)], [false, true]);
      for (const { id } of lab.packages) await lab.client.workflow.getHandle(deletionId(id)).result();

      await lab.catalogue.deletions.release(held.id, 'ada');
      await lab.deletes(held);
      await eventually(
        'it goes when it is held no more',
        () => lab.stateOf(held.id),
        (state) => state === 'deleted',
      );
      await lab.client.workflow.getHandle(deletionId(held.id)).result();
      await lab.catalogue.auditLog.seal();
      const { faults, checked } = await lab.catalogue.auditLog.verify();
      assert.deepEqual(faults, []);
      t.diagnostic(`${checked} entries of the audit log verified`);
    }),
);

test(
  'a worker that is asked to stop ends what it is at; asked twice it ends at once, and another worker does it again',
  { timeout: 240_000 },
  (t) =>
    inLaboratory(t, async (lab) => {
      const [drained, again] = lab.packages as [Laboratory['packages'][0], Laboratory['packages'][0]];
      let release = await lab.holdSealing();
      const patient = lab.worker();
      await lab.deletes(drained);
      await lab.marked(drained.id);
      patient.process.kill('SIGTERM');
      await eventually(
        'it says so',
        () => Promise.resolve(patient.log()),
        (log) => /asked to stop/.test(log),
      );
      assert.ok(existsSync(drained.tar));
      await release();
      assert.equal(await patient.ended, 0, patient.log());
      assert.deepEqual([existsSync(drained.tar), await lab.stateOf(drained.id)], [false, 'deleted']);
      await lab.client.workflow.getHandle(deletionId(drained.id)).result();
      assert.equal(await attemptsOf(lab.client, drained.id), 1, 'it was ended, not done again');

      release = await lab.holdSealing();
      const hasty = lab.worker();
      await lab.deletes(again);
      await lab.marked(again.id);
      hasty.process.kill('SIGTERM');
      await eventually(
        'it says so',
        () => Promise.resolve(hasty.log()),
        (log) => /asked to stop/.test(log),
      );
      // Two signals at once are taken for one.
      await sleep(700);
      hasty.process.kill('SIGTERM');
      assert.equal(await hasty.ended, 128 + 15);
      assert.ok(existsSync(again.tar));
      await release();
      lab.worker();
      await eventually(
        'another worker ends it',
        () => lab.stateOf(again.id),
        (state) => state === 'deleted',
      );
      await lab.client.workflow.getHandle(deletionId(again.id)).result();
      assert.ok(!existsSync(again.tar));
      assert.ok((await attemptsOf(lab.client, again.id)) > 1);
    }),
);

/** How often `deleteCopies` was tried in the last deletion of a package. */
async function attemptsOf(client: Client, packageId: string): Promise<number> {
  const { events } = await client.workflow.getHandle(deletionId(packageId)).fetchHistory();
  return Math.max(
    ...(events ?? []).map(({ activityTaskStartedEventAttributes: started }) => started?.attempt ?? 0),
  );
}

/** Two packages in a buffer and in two real archives, everything but the deleting worker running. */
async function inLaboratory(t: TestContext, run: (lab: Laboratory) => Promise<void>): Promise<void> {
  await withScratch(t, (scratch) =>
    withCleanup((cleanup) =>
      withCatalogue(({ catalogue, dataSource, url }) =>
        withTemporal(async (temporal) => {
          const { client } = temporal;
          const at = await archivedObservatory(catalogue, scratch);
          for (const name of ['obs-1', 'obs-2']) {
            mkdirSync(join(at.source, name));
            writeFileSync(join(at.source, name, 'a.fits'), `the file of ${name}`);
          }
          const made = await at.archiveAll();
          await setSetting(catalogue, 'deletion.grace_hours', '0', {}, AUTHOR);
          const settings = new SettingsManager(catalogue.settings);
          const dependencies = {
            catalogue,
            settings,
            ...liveness(catalogue, settings),
            log: makeLogger({ level: 'error', format: 'text', fields: {} }),
            notifications: { tell: () => Promise.resolve() },
            archiveStore: ({ site }: { site: 'cologne' | 'us' }) => at.stores[site],
            reportProgress: () => undefined,
          } as unknown as Dependencies;
          const challenges = makeChallengeActivities(dependencies);
          const activities = {
            [CATALOGUE_QUEUE]: makeCatalogueActivities(dependencies),
            [taskQueue('cologne', 'lta', 'long_term_archive_transfer')]: challenges,
            [taskQueue('us', 'lta', 'long_term_archive_transfer')]: challenges,
          };
          const { namespace } = client.options;
          const environment = cleanEnvironment({
            CCAT_DATA_TRANSFER_DATABASE_URL: url,
            TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS']!,
            TEMPORAL_NAMESPACE: namespace,
          });
          const packages = made.map((one) => ({ ...one, tar: join(scratch, 'buffer', `${one.name}.tar`) }));
          await temporal.withWorkers(activities, () =>
            run({
              catalogue,
              dataSource,
              client,
              packages,
              deletes: async ({ id, name }) => {
                await client.workflow.start('deletion', {
                  workflowId: deletionId(id),
                  taskQueue: WORKFLOW_QUEUE,
                  args: [{ packageId: id, name, observation: 'obs' }],
                });
              },
              worker: () => startWorker(environment, cleanup),
              holdSealing: () => holdSealing(dataSource),
              stateOf: async (id) =>
                (await catalogue.copiesOfPackage(id)).find(({ location }) => location.name === 'buffer')
                  ?.state,
              marked: (id) =>
                eventually(
                  'the tar and the files at the source are marked',
                  async () =>
                    (await catalogue.deletions.facts([id]))[0]!.targets.filter(
                      ({ state }) => state === 'deletion_in_progress',
                    ).length,
                  (inProgress) => inProgress === 2,
                  120,
                ),
            }),
          );
        }),
      ),
    ),
  );
}

function startWorker(environment: NodeJS.ProcessEnv, cleanup: Cleanup): ReturnType<Laboratory['worker']> {
  const child = spawn(process.execPath, [CDT, 'worker', '--site', 'ccat', '--operation', 'deletion'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  cleanup.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { process: child, ended, log: () => log };
}

/** Takes the lock that every sealing takes; the answer gives it back. */
async function holdSealing(dataSource: DataSource): Promise<() => Promise<void>> {
  const runner = dataSource.createQueryRunner();
  await runner.query(`select pg_advisory_lock(hashtextextended('audit chain', 0))`);
  return async () => {
    await runner.query(`select pg_advisory_unlock(hashtextextended('audit chain', 0))`);
    await runner.release();
  };
}
