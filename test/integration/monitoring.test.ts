import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { DataSource } from 'typeorm';
import { explain } from '../../src/client/explain/explain.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { writeMarker } from '../../src/core/storage/location-marker.js';
import { syncSchedules } from '../../src/worker/planner-schedules.js';
import { plannerOf } from '../../src/workflows/planners.js';
import { withDetachableDisk, withSmallDisk } from '../support/hostile-disk.js';
import { withScratch } from '../support/scratch.js';
import { withCatalogue } from './support/database.js';
import { withDiskLab, type DiskLab, type LabOptions } from './support/disks.js';
import { withTemporal } from './support/temporal.js';

/** The real workflows and activities, on a real Temporal, PostgreSQL and disks that are mounted for each test. */

const MB = 1024 * 1024;
const TIMEOUT = { timeout: 120_000 };

/** Runs with the first buffer on a disk that a test prepares. */
function onDisks(
  t: TestContext,
  disk: (first: string, run: () => Promise<void>) => Promise<void>,
  act: (disks: DiskLab, dataSource: DataSource) => Promise<void>,
  options?: LabOptions,
): Promise<void> {
  return withScratch(t, (scratch) =>
    withCatalogue(({ catalogue, dataSource }) =>
      withTemporal((lab) =>
        disk(join(scratch, 'first'), () =>
          withDiskLab({ lab, catalogue, scratch }, (disks) => act(disks, dataSource), options),
        ),
      ),
    ),
  );
}

const measurement = async ({ catalogue, buffers }: DiskLab) =>
  (await catalogue.liveness.measurements()).find((one) => one.locationId === buffers.first.id);

test('a disk that fills up is told of at each level, and when it has room again', TIMEOUT, (t) =>
  onDisks(
    t,
    (first, run) => withSmallDisk(first, 64 * MB, run),
    async (disks) => {
      const { measure, notices, buffers, woken } = disks;
      const ballast = (share: number) =>
        writeFileSync(join(buffers.first.path, 'ballast'), Buffer.alloc(share * 64 * MB));
      await measure('first');
      assert.deepEqual([notices, (await measurement(disks))?.level], [[], 'ok']);
      for (const share of [0.85, 0.97, 0.1]) {
        ballast(share);
        await measure('first');
      }
      assert.deepEqual(
        notices.map(({ level, kind, subject }) => `${level} ${kind} ${subject}`),
        ['warning disk_warn ccat.first', 'critical disk_critical ccat.first', 'info disk_eased ccat.first'],
      );
      assert.match(notices[1]!.happened, /^ccat.first is 9[67] % full \(critical\); it was warn before/);
      assert.deepEqual(notices[2]!.resolves, ['disk_warn', 'disk_high', 'disk_critical']);
      assert.deepEqual(woken, ['raw_data_package_creation ccat.source'], 'what waits for room looks again');
      assert.deepEqual(readdirSync(buffers.first.path), ['ballast'], 'measuring leaves nothing behind');
    },
  ),
);

test('an unmounted disk is missing: what lies under its mount point is not measured', TIMEOUT, (t) => {
  let disk!: { detach: () => void; attach: () => void };
  return onDisks(
    t,
    (first, run) =>
      withDetachableDisk(first, (found) => {
        disk = found;
        return run();
      }),
    async (disks) => {
      const { measure, notices, buffers, catalogue } = disks;
      await writeMarker(buffers.first.path, buffers.first);
      await catalogue.marks.record(buffers.first.id);
      await measure('first');
      assert.equal((await measurement(disks))?.space.totalBytes, 64 * MB);
      disk.detach();
      await measure('first');
      await measure('first');
      const gone = await measurement(disks);
      assert.equal(gone?.condition, 'missing');
      assert.match(gone.reason ?? '', /is not the disk of ccat.first: it has no marker/);
      disk.attach();
      await measure('first');
      assert.equal((await measurement(disks))?.condition, 'usable');
      assert.deepEqual(
        notices.map(({ kind }) => kind),
        ['location_unusable', 'location_usable'],
        'each is told once',
      );
    },
  );
});

test('a directory that was never used is no missing disk', TIMEOUT, (t) =>
  onDisks(
    t,
    (_, run) => run(),
    async (disks) => {
      rmSync(disks.buffers.first.path, { recursive: true, force: true });
      await disks.measure('first');
      assert.equal(await measurement(disks), undefined);
      assert.deepEqual(disks.notices, []);
    },
  ),
);

/** Writes a file of an observation, long enough ago to be packaged at once. */
function observe({ source }: DiskLab, observation: string, bytes = MB): void {
  const folder = join(source.path ?? '', observation);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'a.dat'), Buffer.alloc(bytes, observation));
  utimesSync(join(folder, 'a.dat'), 1_700_000_000, 1_700_000_000);
}

const packagesOf = ({ catalogue, source }: DiskLab) => catalogue.packagesOfSource(source.id);

/** Waits until every package is made; answers with the buffers where their tars lie, by what the catalogue and the disks say. */
async function made(disks: DiskLab): Promise<string[]> {
  for (let tries = 0; tries < 600; tries++) {
    const packages = await packagesOf(disks);
    if (packages.length > 0 && packages.every(({ state }) => state === 'waiting')) {
      const copies = await Promise.all(packages.map(({ id }) => disks.catalogue.copiesOfPackage(id)));
      return copies.flat().map(({ location, path }) => {
        assert.ok(existsSync(join(location.path ?? '', path)), `${path} lies in ${location.name}`);
        return location.name;
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not made within a minute: ${JSON.stringify(await packagesOf(disks))}`);
}

async function explained({ catalogue, lab }: DiskLab, subject: string): Promise<string> {
  const temporal = { client: lab.client };
  const settings = new SettingsManager(catalogue.settings, { 'packaging.quiet_seconds': 0 });
  const [found] = await explain(
    { catalogue, settings, temporal, whyKeep: () => Promise.resolve([]) },
    subject,
  );
  return JSON.stringify(found);
}

/** The planner's schedule as a worker makes it; without one, that there is none is what an explanation tells. */
async function scheduled({ client }: DiskLab['lab']): Promise<void> {
  const planner = plannerOf('raw_data_package_creation', { site: 'ccat', location: 'source' });
  assert.ok(planner);
  await syncSchedules(client, [{ planner, everySeconds: 86_400 }]);
}

/** The site has no buffer but the first. */
async function withoutSecond({ catalogue }: DiskLab): Promise<void> {
  const whole = await catalogue.topology();
  await catalogue.ensureTopology({
    ...whole,
    locations: whole.locations.map((one) => (one.name === 'second' ? { ...one, active: false } : one)),
  });
}

test(
  'nothing is packaged into a full buffer: the planner says why, and goes on when there is room',
  TIMEOUT,
  (t) =>
    onDisks(
      t,
      (first, run) => withSmallDisk(first, 64 * MB, run),
      async (disks) => {
        const { measure, plan, notices, buffers, catalogue, lab } = disks;
        await withoutSecond(disks);
        const ballast = join(buffers.first.path, 'ballast');
        writeFileSync(ballast, Buffer.alloc(62 * MB));
        await measure('first');
        observe(disks, 'obs-1');
        await plan();
        await plan();
        assert.deepEqual(await packagesOf(disks), []);
        const why = /packaging waits for room in ccat.first: it is 96 % full, critical since 20.*below 93 %/;
        await scheduled(lab);
        assert.match(await explained(disks, 'obs-1/a.dat'), why);
        const told = () => [...new Set(notices.map(({ kind }) => kind))];
        assert.deepEqual(told(), ['disk_critical', 'packaging_waits']);
        assert.match(notices[1]!.happened, why);

        rmSync(ballast);
        await measure('first');
        await plan();
        assert.deepEqual(await made(disks), ['first']);
        assert.deepEqual(told().slice(2), ['disk_eased', 'packaging_goes_on']);
        assert.deepEqual(
          (await catalogue.liveness.verdict('plan/raw_data_package_creation/ccat.source'))?.reasons,
          [],
        );
      },
    ),
);

test(
  'a buffer that dies is left for the next by priority, also by what was planned into it already',
  TIMEOUT,
  (t) => {
    let disk!: { detach: () => void; attach: () => void };
    return onDisks(
      t,
      (first, run) =>
        withDetachableDisk(first, (found) => {
          disk = found;
          return run();
        }),
      async (disks) => {
        const { measure, plan } = disks;
        await measure('first');
        observe(disks, 'obs-1');
        await plan();
        assert.deepEqual(await made(disks), ['first']);
        disk.detach();
        // Nobody knows yet: it is planned into the dead buffer, and its packaging fails there again and again.
        observe(disks, 'obs-2');
        await plan();
        await measure('first');
        observe(disks, 'obs-3');
        await plan();
        for (let tries = 0; tries < 600; tries++) {
          if ((await packagesOf(disks)).every(({ state }) => state === 'waiting')) break;
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        disk.attach();
        assert.deepEqual((await made(disks)).sort(), ['first', 'second', 'second']);
      },
    );
  },
);

test('a package is recorded where it was made, wherever it was planned since', TIMEOUT, (t) => {
  let move!: (packageId: string) => Promise<unknown>;
  return onDisks(
    t,
    (first, run) => withSmallDisk(first, 64 * MB, run),
    async (disks, dataSource) => {
      const { buffers, catalogue, measure, plan } = disks;
      move = (packageId) =>
        dataSource.query('update raw_data_package set buffer_location_id = $2 where id = $1', [
          packageId,
          buffers.second.id,
        ]);
      await measure('first');
      observe(disks, 'obs-1');
      await plan();
      assert.deepEqual(await made(disks), ['first']);
      const [one] = await packagesOf(disks);
      assert.equal((await catalogue.packageOrder(one!.id)).buffer.name, 'first');
    },
    {
      onMade: async (packageId) => {
        await move(packageId);
      },
    },
  );
});

test(
  'a package that was made in one buffer and recorded in another goes from the first once it is old, if nothing in it is there alone',
  TIMEOUT,
  (t) => {
    let dies!: (packageId: string) => Promise<void>;
    return onDisks(
      t,
      (first, run) => withSmallDisk(first, 64 * MB, run),
      async (disks, dataSource) => {
        const { buffers, catalogue, measure, plan } = disks;
        let attempts = 0;
        dies = async (packageId) => {
          if (attempts++ > 0) return;
          await dataSource.query('update raw_data_package set buffer_location_id = $2 where id = $1', [
            packageId,
            buffers.second.id,
          ]);
          throw new Error('the worker dies before it has recorded what it made');
        };
        await measure('first');
        observe(disks, 'obs-1');
        await plan();
        assert.deepEqual(await made(disks), ['second']);
        const [one] = await packagesOf(disks);
        const [tar, foreign] = [`${one!.name}.tar`, 'foreign.tar'];
        const [first, second] = [buffers.first.path, buffers.second.path];
        const result = join(first, `${tar}.result.json`);
        writeFileSync(join(first, foreign), '');
        const there = () => readdirSync(first).filter((name) => !name.startsWith('.'));
        const told = async () =>
          (await catalogue.openProblems()).filter(({ operation }) => operation === 'left_overs');

        await measure('first');
        assert.deepEqual(there().toSorted(), [foreign, tar, `${tar}.result.json`].toSorted(), 'it is young');

        for (const name of [foreign, tar]) utimesSync(join(first, name), 1_700_000_000, 1_700_000_000);
        await measure('first');
        assert.ok(existsSync(join(first, tar)), 'no archive has it');
        assert.match((await told())[0]?.message ?? '', /no archive has a verified copy of its package/);

        await archive(dataSource, one!.id);
        const whole = readFileSync(result, 'utf8');
        const { members, ...rest } = JSON.parse(whole) as { members: { path: string }[] };
        const lone = members.map((member) => ({ ...member, path: 'obs-1/b.dat' }));
        writeFileSync(result, JSON.stringify({ ...rest, members: [...members, ...lone] }));
        await measure('first');
        assert.ok(existsSync(join(first, tar)), 'it may be all there is of an entry');
        const [problem] = await told();
        assert.equal(problem?.subject, `ccat.first ${tar}`);
        assert.match(problem.message, /1 of its 2 entries are in no other copy/);

        writeFileSync(result, whole);
        const copies = await catalogue.copiesOfPackage(one!.id);
        const archived = copies.find(({ location }) => location.locationType === 'long_term_archive')!;
        await catalogue.deletions.recordDoubt(archived.id, 'it gives other bytes');
        await measure('first');
        assert.ok(existsSync(join(first, tar)), 'it may be the one good copy there is');

        await catalogue.recordVerified(archived.id, new Date().toISOString());
        await measure('first');
        assert.deepEqual(there(), [foreign]);
        assert.deepEqual(await told(), []);
        assert.ok(existsSync(join(second, tar)), 'the recorded copy stays');
        const log = await catalogue.auditLog.about(one!.name);
        assert.equal(log.filter(({ action }) => action === 'left_over_removed').length, 1);
      },
      { onMade: (packageId) => dies(packageId) },
    );
  },
);

/** An archive, and a verified copy of the package there. */
async function archive(dataSource: DataSource, packageId: string): Promise<void> {
  await dataSource.query(
    `with archive as (
       insert into data_location (id, site_id, name, location_type, storage_type, priority, active, bucket, deletable)
       select gen_random_uuid(), id, 'lta', 'long_term_archive', 's3', 1, true, 'lta', false from site where short_name = 'ccat'
       returning id)
     insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
     select gen_random_uuid(), p.id, archive.id, 'present', p.name || '.tar', p.bytes, p.sha256, now(), now()
     from raw_data_package p, archive where p.id = $1`,
    [packageId],
  );
}
