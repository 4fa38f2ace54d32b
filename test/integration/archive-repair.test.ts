import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { runAudit } from '../../src/client/audits.js';
import { explain } from '../../src/client/explain/explain.js';
import { decide, waitingWorkflows } from '../../src/client/operator.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { makeS3Client } from '../../src/core/storage/s3-client.js';
import { s3SettingsFromEnvironment } from '../../src/core/storage/s3-settings.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { withScratch } from '../support/scratch.js';
import { archivedObservatory } from './support/archived.js';
import {
  audit,
  COLOGNE,
  flipByte,
  MIB,
  STORE_ROOT,
  until,
  US,
  withArchives,
  withWorkers,
} from './support/damaged-archives.js';
import { withCatalogue } from './support/database.js';
import { withTemporal } from './support/temporal.js';
import { killed, withWorkerProcesses, type StartWorker } from './support/worker-process.js';

const timeout = 90_000;

test(
  'without a good copy anywhere nothing is touched and an operator is asked, who may supply one',
  { timeout },
  (t) =>
    withArchives(
      t,
      1,
      (lab) =>
        withTemporal(async (temporal) => {
          const packageId = lab.packageIds[0]!;
          const [here, there] = [await lab.copyAt(packageId, COLOGNE), await lab.copyAt(packageId, US)];
          for (const copy of [here, there]) flipByte(lab.file(copy), 100);
          const bad = readFileSync(lab.file(here));
          await withWorkers(temporal, lab, async () => {
            await audit(temporal, COLOGNE);
            // The other archive's copy is not known to be damaged: it is tried, found out on the way, and nothing of it is stored.
            await until(async () => (await waitingWorkflows(temporal.client)).length === 1);
            const [waiting] = await waitingWorkflows(temporal.client);
            assert.match(waiting?.reason ?? '', /no good copy .*us\.lta: DataCorruptionError: .*SHA-256/);
            const damaged = await lab.copyAt(packageId, COLOGNE);
            assert.deepEqual([damaged.state, damaged.verifiedAt], ['damaged', undefined]);
            assert.equal(existsSync(lab.file(here).replace('.tar', '.r1.tar')), false);
            assert.ok(readFileSync(lab.file(here)).equals(bad));
            const asked = () => lab.notices.filter(({ kind }) => kind === 'operator_needed');
            // It is told by an activity, right after the workflow shows that it waits.
            await until(() => Promise.resolve(asked().length > 0));
            assert.deepEqual(
              asked().map(({ level }) => level),
              ['critical'],
            );

            // What was tried counts for nothing until it was read itself, and that finds it damaged.
            assert.ok((await lab.copyAt(packageId, US)).doubt);
            await audit(temporal, US);
            assert.equal((await lab.copyAt(packageId, US)).state, 'damaged');
            await until(async () => (await waitingWorkflows(temporal.client)).length === 2);

            const name = (await lab.catalogue.packageSummary(packageId)).name;
            const sources = {
              catalogue: lab.catalogue,
              temporal: { client: temporal.client },
              settings: new SettingsManager(lab.catalogue.settings),
              whyKeep: () => Promise.resolve([{ code: 'archive' as never, words: 'it is in an archive' }]),
            };
            const [told] = await explain(sources, name);
            assert.ok(told);
            assert.equal(told.waiting.for, 'operator');
            assert.match(told.waiting.words, /no good copy of .* is known to repair it from/);
            const file = join(lab.directory, 'cologne', `${name}.tar`);
            assert.ok(told.copies.some(({ waiting }) => waiting.advice?.includes(`${file} at cologne`)));

            const retry = () =>
              decide(temporal.client, `archive-repair/${here.id}`, { action: 'retry', by: 'curator' });
            mkdirSync(join(lab.directory, 'cologne'), { recursive: true });
            writeFileSync(file, bad);
            await retry();
            await until(async () =>
              (await waitingWorkflows(temporal.client)).some((one) =>
                /cologne\.buffer .* is not it/.test(one.reason ?? ''),
              ),
            );
            assert.ok(readFileSync(file).equals(bad), 'what is not ours stays');

            writeFileSync(file, lab.contents.get(packageId)!);
            await retry();
            await until(async () => (await lab.copyAt(packageId, COLOGNE)).state === 'present');
            assert.ok(
              readFileSync(lab.file(await lab.copyAt(packageId, COLOGNE))).equals(
                lab.contents.get(packageId)!,
              ),
            );
            assert.ok(readFileSync(lab.file(here)).equals(bad), 'what is damaged stays as evidence');
          });
        }),
      { buffers: 'freed' },
    ),
);

test(
  'a worker without keys to the other archive repairs by way of the buffers, and once, though it is killed in the middle',
  { timeout },
  (t) =>
    withScratch(t, (directory) =>
      withCatalogue(async ({ catalogue, url }) =>
        withTemporal(async (temporal) => {
          const at = await archivedObservatory(catalogue, directory);
          mkdirSync(join(at.source, 'obs-1'));
          writeFileSync(join(at.source, 'obs-1', 'a.dat'), randomBytes(100 * MIB));
          const [{ id, key } = { id: '', key: '' }] = await at.archiveAll();
          await withBuffers(catalogue, directory);
          const cologne = await catalogue.location('cologne', 'lta');
          const file = (path: string) => join(STORE_ROOT, at.buckets.cologne, path);
          const copy = async () =>
            (await catalogue.copiesOfPackage(id)).find((one) => one.location.id === cologne.id)!;
          flipByte(file(key), 70 * MIB);
          // The parts of an upload are what tells that it is under way.
          await catalogue.settings.set('archive.one_request_bytes', 0, {}, { by: 'test' });
          const work = async (start: StartWorker) => {
            start('us', ['--workflows']);
            const first = start('cologne');
            assert.equal((await runAudit(temporal.client, COLOGNE, true)).damaged, 1);
            const client = makeS3Client(s3SettingsFromEnvironment(process.env), { idleSeconds: 10 });
            const unfinished = async () => {
              const { Uploads = [] } = await client.send(
                new ListMultipartUploadsCommand({ Bucket: at.buckets.cologne }),
              );
              return Uploads.length;
            };
            await until(async () => (await unfinished()) > 0, 5);
            await killed(first);
            assert.equal((await copy()).state, 'damaged');
            start('cologne');
            await until(async () => (await copy()).state === 'present');
            assert.equal(await unfinished(), 0);
          };
          await withWorkerProcesses(url, temporal, work, (site) => [`${site}.lta`]);
          const repaired = await copy();
          assert.equal(repaired.path, key.replace('.tar', '.r1.tar'));
          const digest = createHash('sha256')
            .update(readFileSync(file(repaired.path)))
            .digest('hex');
          assert.equal(digest, repaired.sha256);
          const damages = await catalogue.fixity.damages({ open: false });
          assert.deepEqual(
            damages.map((one) => one.repairedFrom),
            ['cologne.buffer'],
          );
          const entries = await catalogue.auditLog.about(repaired.id);
          assert.equal(entries.filter(({ action }) => action === 'copy_repaired').length, 1);
          await catalogue.auditLog.seal();
          assert.deepEqual((await catalogue.auditLog.verify()).faults, []);
        }),
      ),
    ),
);

/** Gives the archives' sites buffers, and a route from one to the other. */
async function withBuffers(catalogue: Catalogue, directory: string): Promise<void> {
  const disks = { us: join(directory, 'us-buffer'), cologne: join(directory, 'cologne-buffer') };
  const common = { priority: 1, active: true };
  const buffer = (site: 'us' | 'cologne') => ({
    ...common,
    site,
    name: 'buffer',
    locationType: 'buffer' as const,
    storageType: 'disk' as const,
    path: disks[site],
    deletable: true,
  });
  for (const disk of Object.values(disks)) mkdirSync(disk);
  await catalogue.ensureTopology({
    sites: [],
    locations: [buffer('us'), buffer('cologne')],
    routes: [
      {
        ...common,
        name: 'us-cologne',
        origin: 'us',
        destination: 'cologne',
        routeType: 'direct',
        transport: 'local',
        options: { directory: disks.cologne },
      },
    ],
  });
}
