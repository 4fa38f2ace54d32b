import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Topology } from '../../src/core/database/records.js';
import type { ScheduleState } from '../../src/client/schedules.js';
import type { QueueState } from '../../src/worker/task-queues.js';
import { withCleanup } from '../support/cleanup.js';
import { withScratch } from '../support/scratch.js';
import { eventually } from '../support/sites.js';
import {
  ARCHIVES,
  importTopology,
  keys,
  threeSites,
  type ArchiveSite,
  type Laboratory,
} from '../support/three-sites.js';

const timeout = 15 * 60_000;

/** The topology without one site: its locations and the routes from and to it. */
function without(whole: Topology, site: string): Topology {
  return {
    sites: whole.sites.filter((one) => one.shortName !== site),
    locations: whole.locations.filter((one) => one.site !== site),
    routes: whole.routes.filter((one) => one.origin !== site && one.destination !== site),
  };
}

function observe(lab: Laboratory, folder: string, name: string): void {
  const directory = join(lab.sites.root('ccat'), folder, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'a.dat'), `what was seen in ${name}\n`.repeat(1000));
}

async function untilArchived(lab: Laboratory, name: string, sites: ArchiveSite[]): Promise<void> {
  await eventually(
    `${name} is in the archives ${sites.join(' and ')}`,
    () => Promise.resolve(sites.filter((site) => holds(lab, site, name))),
    (found) => found.length === sites.length,
  );
}

const holds = (lab: Laboratory, site: ArchiveSite, name: string): boolean =>
  keys(lab, site).some((key) => key.includes(name));

/** The queues that a worker says to have begun and ended to serve, in order. */
function told(lab: Laboratory, worker: string): { message: string; queue: string }[] {
  return readFileSync(join(lab.scratch, 'logs', `${worker}.log`), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"queue '))
    .map((line) => JSON.parse(line) as { message: string; queue: string });
}

test(
  'a site and a location that are added by data alone take part while all runs; a location that is switched off is drained and avoided',
  { timeout },
  (t) =>
    withScratch(t, (scratch) =>
      withCleanup(async (cleanup) => {
        const lab = await threeSites(cleanup, scratch, { first: (whole) => without(whole, 'us') });
        const { sites } = lab;
        const workers = [
          sites.startWorker('ccat'),
          sites.startWorker('cologne'),
          sites.startWorker('cologne', ['--workflows', '--location', 'lta'], {
            CCAT_DATA_TRANSFER_PLAN_SECONDS: '5',
          }),
          // A host of the new site, which waits until the catalogue has it.
          sites.startWorker('us'),
        ];
        observe(lab, 'source', 'before');
        await untilArchived(lab, 'before', ['cologne']);
        assert.deepEqual(told(lab, 'worker-us'), [], 'there is nothing to serve at a site that is not there');

        // A new site with a buffer and an archive, and a second source at a site that is running.
        sites.add('ccat', 'second');
        const second = { ...lab.topology.locations.find((one) => one.locationType === 'source')! };
        await importTopology(sites, scratch, {
          ...lab.topology,
          locations: [
            ...lab.topology.locations,
            { ...second, name: 'second', path: join(sites.here, 'second') },
          ],
        });
        const added = Date.now();
        await eventually(
          'the new site and the new location are served',
          () =>
            Promise.resolve(
              [...told(lab, 'worker-us'), ...told(lab, 'worker-ccat')].map(({ queue }) => queue),
            ),
          (queues) =>
            [
              'us.buffer.data_transfer_unpacking',
              'us.lta.long_term_archive_transfer',
              'ccat.second.raw_data_package_creation',
            ].every((queue) => queues.includes(queue)),
        );
        t.diagnostic(`served ${Date.now() - added} ms after the import had ended`);
        const queues = await sites.json<QueueState[]>('queues');
        const serves = (queue: string, site: string) =>
          queues.some(
            (one) =>
              one.queue === queue && one.pollers.some(({ identity }) => identity.startsWith(`${site}-`)),
          );
        assert.ok(serves('us.buffer.data_transfer_unpacking', 'us') && serves('cdt.workflows', 'cologne'));
        assert.ok(!queues.some(({ queue }) => queue.endsWith('.data_transfer_package_creation')));

        // An operator's pause outlives whatever the topology does afterwards.
        const paused = 'plan/raw_data_package_creation/ccat.second';
        const scheduleIds = async () =>
          (await sites.json<ScheduleState[]>('schedules', 'list')).map(({ id }) => id);
        const schedule = async () =>
          (await sites.json<ScheduleState[]>('schedules', 'list')).find(({ id }) => id === paused)!;
        // Workers follow the catalogue, schedules are made by a workflow of their own: neither waits for the other.
        await eventually('the new location has its schedule', scheduleIds, (ids) => ids.includes(paused));
        await sites.json('schedules', 'pause', paused, '--note', 'the instrument is being repaired');
        await importTopology(sites, scratch, {
          ...lab.topology,
          locations: lab.topology.locations.map((one) =>
            one.name === 'processing' ? { ...one, active: false } : one,
          ),
        });
        await eventually('the schedules follow once more', scheduleIds, (ids) =>
          ids.includes('plan/long_term_archive_transfer/us.lta'),
        );
        assert.ok((await schedule()).paused);
        assert.match((await schedule()).note ?? '', /^paused by .+: the instrument is being repaired$/);
        await sites.json('schedules', 'resume', paused);
        await sites.json(
          'schedules',
          'backfill',
          paused,
          '--from',
          '2026-01-01T00:00Z',
          '--to',
          '2026-01-01T00:10Z',
        );

        observe(lab, 'second', 'during');
        await sites.json('schedules', 'trigger', paused);
        await untilArchived(lab, 'during', ['cologne', 'us']);
        await untilArchived(lab, 'before', ['us']);

        // Switched off in the middle of the work: what is under way ends, and nothing new goes there.
        observe(lab, 'source', 'under-way');
        await eventually(
          'a package is made',
          () => sites.json<{ name: string }[]>('packages'),
          (packages) => packages.some(({ name }) => name.includes('under-way')),
        );
        await sites.cdt('topology', 'disable-location', 'us.buffer');
        await eventually(
          'the queues of the location are released',
          () => Promise.resolve(told(lab, 'worker-us').filter(({ message }) => message === 'queue released')),
          (released) => released.filter(({ queue }) => queue.startsWith('us.buffer.')).length >= 3,
        );
        // Which of the two it was on its way to is the routing's choice; it ended there.
        await eventually(
          'what was under way is archived',
          () => Promise.resolve(ARCHIVES.filter((site) => holds(lab, site, 'under-way'))),
          (found) => found.length > 0,
        );
        observe(lab, 'source', 'after');
        await untilArchived(lab, 'after', ['cologne']);
        assert.equal(holds(lab, 'us', 'after'), false, 'nothing is sent to a location that is switched off');

        // And back.
        await sites.cdt('topology', 'enable-location', 'us.buffer');
        await untilArchived(lab, 'after', ['us']);
        await untilArchived(lab, 'under-way', ['cologne', 'us']);
        // Work waits for a site whose worker has gone: the command says so, and ends with 1.
        await sites.stop(workers[0]!);
        assert.equal(workers[0]!.exitCode, 0, 'a worker that is asked to stop ends in good order');
        await sites.json('schedules', 'trigger', 'plan/raw_data_package_creation/ccat.source');
        await eventually(
          'the unserved queue is found',
          () =>
            sites.cdt('queues').then(
              () => '',
              (error: unknown) => (error as Error).message,
            ),
          (message) =>
            /ccat\.source\.raw_data_package_creation: about \d+ pieces? of work wait/.test(message),
          300,
        );
        const replayed = await sites.json<{ workflowId: string; error?: string }[]>('replay');
        assert.ok(replayed.length > 0, 'the planner that waits runs');
        assert.deepEqual(
          replayed.filter(({ error }) => error !== undefined),
          [],
        );
        for (const worker of workers.slice(1))
          assert.equal(worker.exitCode, null, 'no process was started anew');
      }),
    ),
);
