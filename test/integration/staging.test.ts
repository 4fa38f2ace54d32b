import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { DataSource } from 'typeorm';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { decide, waitingWorkflows } from '../../src/client/operator.js';
import { explain } from '../../src/client/explain/explain.js';
import { workNow } from '../../src/client/explain/work.js';
import { extendJob, releaseJob, requestStaging, scheduleStaging } from '../../src/client/staging.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { ConfigurationError } from '../../src/core/exceptions.js';
import type { ArchiveStore } from '../../src/core/storage/archive-store.js';
import { makeS3Client } from '../../src/core/storage/s3-client.js';
import { WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import type { StagingOutcome } from '../../src/workflows/staging.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { withScratch } from '../support/scratch.js';
import { archivedObservatory, stagingWorkers, type ArchivedObservatory } from './support/archived.js';
import { withCatalogue } from './support/database.js';
import { s3 } from './support/s3.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/** The real workflow, activities, catalogue, stores and disk; faults are put into objects and files themselves. */

interface Bench {
  lab: TemporalLab;
  catalogue: Catalogue;
  dataSource: DataSource;
  at: ArchivedObservatory;
}

function bench(t: TestContext, act: (bench: Bench) => Promise<void>): Promise<void> {
  return withScratch(t, (scratch) =>
    withCatalogue(({ catalogue, dataSource }) =>
      withTemporal(async (lab) =>
        act({ lab, catalogue, dataSource, at: await archivedObservatory(catalogue, scratch) }),
      ),
    ),
  );
}

const TIMEOUT = { timeout: 120_000 };
const REQUEST = { destination: 'cologne.ramses', requestedBy: 'ada' };

function write(root: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

function fill({ source }: ArchivedObservatory): void {
  write(source, 'obs-1/raw/a.fits', Buffer.alloc(300_000, 'a'));
  write(source, 'obs-1/raw/deep/b.fits', 'b');
  write(source, 'obs-1/log with space.txt', 'one\ntwo\n');
  write(source, 'obs-1/new\nline.dat', 'odd');
  write(source, 'obs-1/empty.dat', '');
  mkdirSync(join(source, 'obs-1/no files'));
  symlinkSync('../../outside', join(source, 'obs-1/leads-out'));
  utimesSync(join(source, 'obs-1/raw/a.fits'), 1_700_000_000.75, 1_700_000_000.75);
  write(source, 'obs-2/c.fits', Buffer.alloc(200_000, 'c'));
}

/** Waits for a job's files; fails with what its workflow does where that ends without them. */
async function ready({ lab, catalogue }: Pick<Bench, 'lab' | 'catalogue'>, jobId: string): Promise<void> {
  const state = await until(
    async () => (await catalogue.staging.job(jobId))?.state,
    (found) => found === 'failed' || found === 'ready',
    async () => {
      const work = await workNow(lab.client, `staging-job/${jobId}`);
      if (work?.status !== 'failed') return work;
      return lab.client.workflow
        .getHandle(work.workflowId)
        .result()
        .catch((error: unknown) => String((error as Error).cause));
    },
  );
  assert.equal(state, 'ready');
}

/** Waits until something is so; after a minute fails with what `why` finds. */
async function until<T>(
  look: () => Promise<T>,
  isSo: (found: T) => boolean,
  why: () => Promise<unknown> = () => Promise.resolve(undefined),
): Promise<T> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = await look();
    if (isSo(found)) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within a minute; ${JSON.stringify(await why())}`);
}

/** `diff -r` and `sha256sum -c` agree that a job's folder has these observations as they were written. */
function assertStaged(at: ArchivedObservatory, jobId: string, observations: string[]): void {
  const folder = join(at.processing, 'jobs', jobId);
  assert.deepEqual(readdirSync(join(folder, 'data')).sort(), [...observations].sort());
  for (const one of observations)
    execFileSync('diff', ['-r', '--no-dereference', join(at.source, one), join(folder, 'data', one)]);
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: folder });
}

function clean({ lab }: Bench): Promise<{ removed: string[] }> {
  return lab.client.workflow.execute('stagingPlanning', {
    workflowId: lab.unique('clean'),
    taskQueue: WORKFLOW_QUEUE,
    args: [{ processing: { site: 'cologne', location: 'ramses' } }],
  });
}

function outcome({ lab }: Bench, workflowId: string): Promise<StagingOutcome> {
  return lab.client.workflow.getHandle(workflowId).result() as Promise<StagingOutcome>;
}

test('two jobs share a copy; it goes when the last of them is released', TIMEOUT, (t) =>
  bench(t, async (b) => {
    const { lab, catalogue, at } = b;
    fill(at);
    const packages = await at.archiveAll();
    assert.equal(packages.length, 2);
    const { activities, notices, woken } = stagingWorkers(catalogue, at);
    await lab.withWorkers(activities, async () => {
      const one = await requestStaging(lab.client, catalogue, {
        ...REQUEST,
        observations: ['obs-1', 'obs-2'],
      });
      await ready({ lab, catalogue }, one.jobId);
      assertStaged(at, one.jobId, ['obs-1', 'obs-2']);
      const two = await requestStaging(lab.client, catalogue, {
        ...REQUEST,
        packages: [packages.find(({ name }) => name.startsWith('obs-1'))!.name],
      });
      await ready({ lab, catalogue }, two.jobId);
      assertStaged(at, two.jobId, ['obs-1']);
      const shared = (await catalogue.staging.items(two.jobId))[0]!;
      assert.equal(shared.archive, undefined, 'nothing was fetched a second time');
      assert.deepEqual((await catalogue.copiesOfPackage(shared.packageId)).map((copy) => copy.state).sort(), [
        'present',
        'present',
        'present',
        'staged',
      ]);
      assert.ok(notices.some((notice) => notice.kind === 'staging_ready'));
      assert.match(await extendJob(lab.client, two.workflowId, { keepFor: '3d', by: 'ada' }), /^\d{4}-/);
      await assert.rejects(
        extendJob(lab.client, two.workflowId, { keepFor: '400d', by: 'ada' }),
        /90 days at most/,
      );

      const whyKeep = () => Promise.resolve([]);
      const settings = new SettingsManager(catalogue.settings);
      const sources = { catalogue, temporal: { client: lab.client }, settings, whyKeep };
      const [told] = await explain(sources, one.jobId);
      assert.match(
        `${told?.state}: ${told?.waiting.words}`,
        /ready, 2 of 2 packages.*ada: its files are there/,
      );
      assert.match(told?.next?.at ?? '', /^\d{4}-/);
      const [ofPackage] = await explain(sources, shared.packageId);
      const staged = ofPackage?.copies.find(({ locationType }) => locationType === 'processing');
      assert.match(staged?.waiting.words ?? '', /staging job .* and the staging job .* need it/);
      assert.match(staged?.next?.words ?? '', /taken away, unless/);
      assert.ok(Date.parse(staged?.next?.at ?? '') > Date.now());
      const [facts] = await catalogue.deletions.facts([shared.packageId]);
      assert.equal(facts?.neededBy.length, 2, 'both jobs are a reason to keep the copy');

      await releaseJob(lab.client, one.workflowId, { by: 'ada' });
      assert.equal((await outcome(b, one.workflowId)).state, 'released');
      assert.ok(woken.includes('staging'));
      assert.ok(!existsSync(join(at.processing, 'jobs', one.jobId)));
      assert.equal((await clean(b)).removed.length, 1, 'obs-2 alone is needed by nobody');
      assertStaged(at, two.jobId, ['obs-1']);
      await assert.rejects(releaseJob(lab.client, one.workflowId, { by: 'ada' }), /over|completed/);

      write(join(at.processing, 'jobs', two.jobId), 'data/obs-1/my-result.txt', 'of hours');
      await releaseJob(lab.client, two.workflowId, { by: 'ada', note: 'done' });
      assert.match((await outcome(b, two.workflowId)).why, /done; 1 changed or added/);
      assert.equal((await clean(b)).removed.length, 1);
      assert.deepEqual(readdirSync(join(at.processing, 'packages')), []);
      assert.equal(
        readFileSync(join(at.processing, 'jobs', two.jobId, 'data/obs-1/my-result.txt'), 'utf8'),
        'of hours',
        'what a scientist added is never removed',
      );
      const states = (await catalogue.copiesOfPackage(shared.packageId)).map((copy) => copy.state);
      assert.ok(states.includes('deleted'));

      const again = await requestStaging(lab.client, catalogue, { ...REQUEST, observations: ['obs-1'] });
      await ready({ lab, catalogue }, again.jobId);
      assertStaged(at, again.jobId, ['obs-1']);
    });
  }),
);

test('only the wanted files are read and written, and more of the same package later', TIMEOUT, (t) =>
  bench(t, async ({ lab, catalogue, dataSource, at }) => {
    const big = Buffer.alloc(12_000_000, 'x');
    for (const name of ['1.fits', '2.fits', '3.fits', '4.fits']) write(at.source, `obs-1/raw/${name}`, big);
    write(at.source, 'obs-1/zz.txt', 'small');
    await at.archiveAll();
    let read = 0;
    const inner = at.stores.cologne;
    const counted: ArchiveStore = Object.assign(Object.create(inner) as ArchiveStore, {
      readRange: (key: string, offset: number, length: number) => {
        read += length;
        return inner.readRange(key, offset, length);
      },
      readBack: inner.readBack.bind(inner),
    });
    const { activities } = stagingWorkers(catalogue, at, { store: () => counted });
    await lab.withWorkers(activities, async () => {
      const one = await requestStaging(lab.client, catalogue, {
        ...REQUEST,
        files: ['obs-1/raw/3.*'],
        observations: ['obs-1'],
        only: ['**/3.fits', 'obs-1/*.txt'],
      });
      assert.equal(one.plan.packages[0]?.files, 2);
      await ready({ lab, catalogue }, one.jobId);
      const staged = (jobId: string) =>
        execFileSync('find', ['.', '-type', 'f'], {
          cwd: join(at.processing, 'jobs', jobId, 'data'),
          encoding: 'utf8',
        })
          .trim()
          .split('\n')
          .sort();
      assert.deepEqual(staged(one.jobId), ['./obs-1/raw/3.fits', './obs-1/zz.txt']);
      assert.ok(read < 2 * big.length, `${read} bytes were read for one file of ${big.length}`);

      // What was not staged has no copy there.
      const there = async () =>
        (
          await dataSource.query<{ path: string }[]>(
            `select v.path from raw_data_file_physical_copy v join data_location l on l.id = v.data_location_id
             where l.name = 'ramses' order by v.path`,
          )
        ).map(({ path }) => path);
      assert.deepEqual(await there(), ['obs-1/raw/3.fits', 'obs-1/zz.txt']);

      const two = await requestStaging(lab.client, catalogue, { ...REQUEST, files: ['obs-1/raw/1.fits'] });
      await ready({ lab, catalogue }, two.jobId);
      assert.deepEqual(staged(two.jobId), ['./obs-1/raw/1.fits']);
      const all = await requestStaging(lab.client, catalogue, { ...REQUEST, observations: ['obs-1'] });
      await ready({ lab, catalogue }, all.jobId);
      assertStaged(at, all.jobId, ['obs-1']);
      assert.equal((await there()).length, 5);
    });
  }),
);

test(
  'a damaged archive copy is told of and never handed out: the package comes from another archive',
  TIMEOUT,
  (t) =>
    bench(t, async ({ lab, catalogue, at }) => {
      fill(at);
      const packages = await at.archiveAll();
      const { settings } = s3();
      const client = makeS3Client(settings, { idleSeconds: 60 });
      for (const { key, name } of packages) {
        if (name.startsWith('obs-2')) {
          await client.send(new DeleteObjectCommand({ Bucket: at.buckets.cologne, Key: key }));
          continue;
        }
        const { bytes } = (await at.stores.us.head(key))!;
        const tar = await at.stores.us.readRange(key, 0, bytes);
        tar[100_000]! ^= 1;
        await client.send(new PutObjectCommand({ Bucket: at.buckets.cologne, Key: key, Body: tar }));
      }
      const { activities, notices } = stagingWorkers(catalogue, at);
      await lab.withWorkers(activities, async () => {
        const job = await requestStaging(lab.client, catalogue, {
          ...REQUEST,
          observations: ['obs-1', 'obs-2'],
        });
        await ready({ lab, catalogue }, job.jobId);
        assertStaged(at, job.jobId, ['obs-1', 'obs-2']);
        for (const item of await catalogue.staging.items(job.jobId)) assert.equal(item.archive, 'us.lta');
        const damage = notices.filter((notice) => notice.kind === 'archive_damage');
        assert.equal(damage.length, 2);
        assert.equal(
          (await catalogue.openProblems()).filter((one) => one.errorClass === 'ArchiveCorruptionError')
            .length,
          2,
        );
      });
    }),
);

test('what no archive gives waits for an operator, who may go on without it', TIMEOUT, (t) =>
  bench(t, async ({ lab, catalogue, at }) => {
    fill(at);
    const packages = await at.archiveAll();
    const client = makeS3Client(s3().settings, { idleSeconds: 60 });
    const lost = packages.find(({ name }) => name.startsWith('obs-2'))!;
    for (const site of ['cologne', 'us'] as const)
      await client.send(new DeleteObjectCommand({ Bucket: at.buckets[site], Key: lost.key }));
    const { activities } = stagingWorkers(catalogue, at);
    await lab.withWorkers(activities, async () => {
      const job = await requestStaging(lab.client, catalogue, {
        ...REQUEST,
        observations: ['obs-1', 'obs-2'],
      });
      const [waiting] = await until(
        () => waitingWorkflows(lab.client),
        (found) => found.length > 0,
      );
      assert.equal(waiting?.workflowId, job.workflowId);
      assert.match(waiting.reason ?? '', /ArchiveCorruptionError.*obs-2/);
      await decide(lab.client, job.workflowId, { action: 'skip', by: 'night shift' });
      await ready({ lab, catalogue }, job.jobId);
      assertStaged(at, job.jobId, ['obs-1']);
      const failed = (await catalogue.staging.items(job.jobId)).find((one) => one.status === 'failed');
      assert.equal(failed?.name, lost.name);
    });
  }),
);

test('a disk without room is waited for and told of; a release ends the waiting', TIMEOUT, (t) =>
  bench(t, async (b) => {
    const { lab, catalogue, at } = b;
    fill(at);
    await at.archiveAll();
    const { activities, notices } = stagingWorkers(catalogue, at, {
      settings: { 'staging.min_free_bytes': 1e15 },
    });
    await lab.withWorkers(activities, async () => {
      const job = await requestStaging(lab.client, catalogue, { ...REQUEST, observations: ['obs-2'] });
      await until(
        () => Promise.resolve(notices),
        (told) => told.some((notice) => notice.kind === 'staging_blocked'),
      );
      assert.match(notices[0]?.happened ?? '', /bytes free/);
      await releaseJob(lab.client, job.workflowId, { by: 'ada' });
      assert.equal((await outcome(b, job.workflowId)).state, 'released');
      assert.equal((await catalogue.staging.job(job.jobId))?.state, 'released');
    });
  }),
);

test('a wrong request is refused with what to do, by the client and by the workflow', TIMEOUT, (t) =>
  bench(t, async ({ lab, catalogue, at }) => {
    fill(at);
    await at.archiveAll();
    const refused = async (request: object, message: RegExp, advice: RegExp) => {
      await assert.rejects(requestStaging(lab.client, catalogue, request), (error) => {
        assert.ok(error instanceof ConfigurationError);
        assert.match(error.message, message);
        assert.match(error.advice ?? '', advice);
        return true;
      });
    };
    await refused({ ...REQUEST, observations: ['obs-9'] }, /no observation obs-9/, /obs-/);
    await refused(
      { ...REQUEST, destination: 'cologne.lta', newest: 1 },
      /no processing location/,
      /cologne\.ramses/,
    );
    await refused({ ...REQUEST, files: ['obs-1/nothing'] }, /no packaged file/, /below the source/);
    await refused({ ...REQUEST, newest: 1, colour: 'red' }, /colour/, /docs\/staging\.md/);
    await refused({ ...REQUEST, newest: 1, keepFor: '1000d' }, /longer than/, /90 days/);
    await catalogue.settings.set('staging.max_bytes_per_job', 10, {}, { by: 'test' });
    await refused({ ...REQUEST, observations: ['obs-1'] }, /more than the 10/, /max_bytes_per_job/);
    const { activities } = stagingWorkers(catalogue, at);
    await lab.withWorkers(activities, async () => {
      for (const args of [[], [{ destination: 7 }], [{ ...REQUEST, observations: ['obs-9'] }]]) {
        const handle = await lab.client.workflow.start('staging', {
          workflowId: lab.unique('by hand'),
          taskQueue: WORKFLOW_QUEUE,
          args,
        });
        await assert.rejects(handle.result(), (error: Error) => {
          assert.match((error.cause as Error).message, /can't be staged/);
          return true;
        });
      }
    });
  }),
);

test('a staged file that somebody changed is kept aside and fetched anew for the next job', TIMEOUT, (t) =>
  bench(t, async (b) => {
    const { lab, catalogue, at } = b;
    fill(at);
    await at.archiveAll();
    const { activities } = stagingWorkers(catalogue, at);
    await lab.withWorkers(activities, async () => {
      const one = await requestStaging(lab.client, catalogue, { ...REQUEST, newest: 2 });
      await ready({ lab, catalogue }, one.jobId);
      appendFileSync(join(at.processing, 'jobs', one.jobId, 'data/obs-2/c.fits'), 'scribble');
      const two = await requestStaging(lab.client, catalogue, { ...REQUEST, observations: ['obs-2'] });
      await ready({ lab, catalogue }, two.jobId);
      assertStaged(at, two.jobId, ['obs-2']);
      await releaseJob(lab.client, one.workflowId, { by: 'ada' });
      await outcome(b, one.workflowId);
      const kept = readFileSync(join(at.processing, 'jobs', one.jobId, 'data/obs-2/c.fits'));
      assert.ok(kept.subarray(-8).equals(Buffer.from('scribble')));
    });
  }),
);

test('a schedule for staging is made once, and changed when it is asked for again', TIMEOUT, () =>
  withTemporal(async ({ client }) => {
    const request = { ...REQUEST, newest: 3 };
    const id = await scheduleStaging(client, 'nightly', '0 6 * * *', request);
    assert.equal(await scheduleStaging(client, 'nightly', '30 7 * * *', request), id);
    const { spec, action } = await client.schedule.getHandle(id).describe();
    assert.deepEqual(
      spec.calendars?.map(({ hour, minute }) => [hour[0]?.start, minute[0]?.start]),
      [[7, 30]],
    );
    assert.deepEqual(action.args, [request]);
    await client.schedule.getHandle(id).delete();
  }),
);
