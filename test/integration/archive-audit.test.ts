import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { makeAuditActivities } from '../../src/activities/audit.js';
import type { PhysicalCopy } from '../../src/core/database/records.js';
import type { ArchiveStore, ReadOptions } from '../../src/core/storage/archive-store.js';
import { Secret } from '../../src/core/utilities/secret.js';
import {
  audit,
  COLOGNE,
  flipByte,
  MIB,
  runActivity,
  STORE_ROOT,
  until,
  US,
  withArchives,
  withWorkers,
} from './support/damaged-archives.js';
import { withTemporal } from './support/temporal.js';

const timeout = 180_000;

test(
  'a flipped byte, a lost end, a lost object and a lost sidecar are found, told and repaired, and nothing good is touched',
  { timeout },
  (t) =>
    withArchives(t, 5, (lab) =>
      withTemporal(async (temporal) => {
        const copies = await Promise.all(lab.packageIds.map((id) => lab.copyAt(id, COLOGNE)));
        const [flipped, cut, gone, bare, whole] = copies as [
          PhysicalCopy,
          PhysicalCopy,
          PhysicalCopy,
          PhysicalCopy,
          PhysicalCopy,
        ];
        flipByte(lab.file(flipped), 7 * MIB);
        truncateSync(lab.file(cut), 4999);
        rmSync(lab.file(gone));
        rmSync(lab.file(bare, '.json'));
        const damagedBytes = readFileSync(lab.file(flipped));
        await withWorkers(temporal, lab, async () => {
          assert.deepEqual(await audit(temporal, COLOGNE), {
            sound: 2,
            damaged: 3,
            unanswered: 0,
            sidecars: 1,
          });
          await until(async () => (await lab.catalogue.fixity.openRepairs(whole.location.id)).length === 0);
          await until(async () => (await lab.catalogue.openProblems()).length === 0);
        });
        assert.deepEqual(
          new Set(lab.notices.filter(({ level }) => level === 'critical').map(({ kind }) => kind)),
          new Set(['archive_damage']),
        );
        assert.equal(lab.notices.filter(({ kind }) => kind === 'archive_repaired').length, 3);
        for (const packageId of lab.packageIds) {
          for (const place of [COLOGNE, US]) {
            const copy = await lab.copyAt(packageId, place);
            assert.equal(copy.state, 'present');
            const content = readFileSync(lab.file(copy));
            assert.ok(content.equals(lab.contents.get(packageId)!), `${place.site} has ${packageId} whole`);
            const sidecar = JSON.parse(readFileSync(lab.file(copy, '.json'), 'utf8')) as { key: string };
            assert.equal(sidecar.key, copy.path);
          }
        }
        // What is damaged stays as evidence, and says so; what was only gone has its old place again.
        const repaired = await lab.copyAt(flipped.packageId, COLOGNE);
        assert.equal(repaired.path, flipped.path.replace('.tar', '.r1.tar'));
        assert.ok(readFileSync(lab.file(flipped)).equals(damagedBytes));
        const beside = JSON.parse(readFileSync(lab.file(flipped, '.json'), 'utf8')) as {
          superseded: { by: string };
        };
        assert.equal(beside.superseded.by, repaired.path);
        assert.equal((await lab.copyAt(gone.packageId, COLOGNE)).path, gone.path);
        // A second audit finds all sound.
        await withWorkers(temporal, lab, async () =>
          assert.deepEqual(await audit(temporal, COLOGNE), {
            sound: 5,
            damaged: 0,
            unanswered: 0,
            sidecars: 0,
          }),
        );
        const [status] = (await lab.catalogue.fixity.status()).filter((one) => one.archive === 'cologne.lta');
        assert.deepEqual([status?.copies, status?.damaged, status?.repaired], [5, 0, 3]);
      }),
    ),
);

test('a store that is away, refuses our keys or has lost its bucket has lost no copy', { timeout }, (t) =>
  withArchives(t, 1, async (lab) => {
    const packageId = lab.packageIds[0]!;
    const { id: copyId, location } = await lab.copyAt(packageId, COLOGNE);
    const look = () =>
      runActivity((input: { copyId: string }) => makeAuditActivities(lab.dependencies).auditCopy(input), {
        copyId,
      });
    lab.reach.endpoint = 'http://127.0.0.1:1';
    await assert.rejects(look(), { name: 'NetworkError' });
    delete lab.reach.endpoint;
    lab.reach.secretAccessKey = new Secret('wrong');
    await assert.rejects(look(), { name: 'ConfigurationError' });
    const tryAgain = () =>
      lab.catalogue.liveness.resetBreaker(
        { kind: 'store', name: 'cologne.lta' },
        { by: 'test', reason: 'the next fault' },
      );
    await tryAgain();
    await withTemporal((temporal) =>
      withWorkers(temporal, lab, async () => {
        assert.deepEqual(await audit(temporal, COLOGNE), {
          sound: 0,
          damaged: 0,
          unanswered: 1,
          sidecars: 0,
        });
        const [problem] = await lab.catalogue.openProblems();
        assert.match(problem?.message ?? '', /could not be read/);
        delete lab.reach.secretAccessKey;
        rmSync(join(STORE_ROOT, location.bucket!), { recursive: true });
        const { unanswered, endedEarly = '' } = await audit(temporal, COLOGNE);
        assert.equal(unanswered, 0);
        assert.match(endedEarly, /^the store cologne\.lta is left alone until /);
        await tryAgain();
        assert.equal((await audit(temporal, COLOGNE)).unanswered, 1);
      }),
    );
    assert.equal((await lab.copyAt(packageId, COLOGNE)).state, 'present');
    assert.deepEqual([...new Set(lab.notices.map(({ kind }) => kind))], ['breaker_opened']);
  }),
);

test('a doubt that comes up while a copy is read is not cleared by that reading', { timeout }, (t) =>
  withArchives(t, 1, async (lab) => {
    const copy = await lab.copyAt(lab.packageIds[0]!, COLOGNE);
    const doubting = (store: ArchiveStore): ArchiveStore =>
      ({
        requireStore: () => store.requireStore(),
        head: (key: string) => store.head(key),
        getJson: (key: string) => store.getJson(key),
        readBack: async (key: string, options?: ReadOptions) => {
          const read = await store.readBack(key, options);
          await lab.catalogue.deletions.recordDoubt(copy.id, 'a challenge found other bytes');
          return read;
        },
      }) as unknown as ArchiveStore;
    const activities = makeAuditActivities({
      ...lab.dependencies,
      archiveStore: (location) => doubting(lab.dependencies.archiveStore(location)),
    });
    const found = await runActivity((asked: { copyId: string }) => activities.auditCopy(asked), {
      copyId: copy.id,
    });
    assert.ok(found.sound === true);
    await lab.catalogue.fixity.recordSound(copy.id, found.at, found.ranges);
    const { doubt, verifiedAt } = await lab.copyAt(lab.packageIds[0]!, COLOGNE);
    assert.equal(doubt?.words, 'a challenge found other bytes');
    assert.equal(verifiedAt, copy.verifiedAt);
  }),
);

test('a repair that is cut off goes on, and is done once', { timeout }, (t) =>
  withArchives(t, 1, async (lab) => {
    const packageId = lab.packageIds[0]!;
    const copy = await lab.copyAt(packageId, COLOGNE);
    const source = await lab.copyAt(packageId, US);
    flipByte(lab.file(copy), 6 * MIB);
    const activities = makeAuditActivities(lab.dependencies);
    const found = await runActivity((asked: { copyId: string }) => activities.auditCopy(asked), {
      copyId: copy.id,
    });
    assert.ok(found.sound === false);
    await lab.catalogue.fixity.recordDamage(copy.id, found.damage);
    assert.equal(await lab.catalogue.fixity.recordDamage(copy.id, found.damage), undefined);
    const input = { copyId: copy.id, sourceCopyId: source.id };
    const repair = (asked: typeof input) => activities.repairCopy(asked);
    const cut = new MockActivityEnvironment();
    setTimeout(() => cut.cancel(), 30);
    await runActivity(repair, input, cut).catch(() => undefined);
    const stored = await runActivity(repair, input);
    assert.deepEqual(await runActivity(repair, input).then((one) => one.key), stored.key);
    for (let times = 0; times < 2; times++)
      await lab.catalogue.fixity.recordRepaired(copy.id, source.id, stored);
    assert.equal((await lab.copyAt(packageId, COLOGNE)).state, 'present');
    assert.ok(
      readFileSync(lab.file(await lab.copyAt(packageId, COLOGNE))).equals(lab.contents.get(packageId)!),
    );
  }),
);
