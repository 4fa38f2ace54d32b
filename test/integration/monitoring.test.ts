import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { writeMarker } from '../../src/core/storage/location-marker.js';
import { withDetachableDisk, withSmallDisk } from '../support/hostile-disk.js';
import { withScratch } from '../support/scratch.js';
import { withCatalogue } from './support/database.js';
import { withDiskLab, type DiskLab } from './support/disks.js';
import { withTemporal } from './support/temporal.js';

/** The real workflows and activities, on a real Temporal, PostgreSQL and disks that are mounted for each test. */

const MB = 1024 * 1024;
const TIMEOUT = { timeout: 120_000 };

/** Runs with the first buffer on a disk that a test prepares. */
function onDisks(
  t: TestContext,
  disk: (first: string, run: () => Promise<void>) => Promise<void>,
  act: (disks: DiskLab) => Promise<void>,
): Promise<void> {
  return withScratch(t, (scratch) =>
    withCatalogue(({ catalogue }) =>
      withTemporal((lab) =>
        disk(join(scratch, 'first'), () => withDiskLab({ lab, catalogue, scratch }, act)),
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
