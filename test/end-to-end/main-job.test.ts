import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { UpCommand, assertAllArchived, assertNothingRuns, killAll, up } from '../support/command.js';
import { DataDirectory, writeFiles } from '../support/observatory.js';
import { testSeed } from '../support/random.js';
import { assertArchiveHolds, objectPath, unpack } from '../support/read-archive.js';
import type { Report } from '../support/report.js';
import { withScratch } from '../support/scratch.js';
import {
  countFiles,
  differences,
  fingerprint,
  pathOf,
  readTree,
  walk,
  type PathKey,
} from '../support/tree.js';
import { buildTree } from '../support/weird-tree.js';

const MB = 1_000_000;
const timeout = 15 * 60_000;

test(
  '2,000 files of awkward names and sizes are archived byte for byte; a second run finds nothing to do',
  { timeout },
  (t) =>
    withScratch(t, async (scratch) => {
      const [source, data] = [join(scratch, 'source'), join(scratch, 'data')];
      t.after(() => killAll(data));
      mkdirSync(source);
      const seed = testSeed((line) => t.diagnostic(line));
      const tree = buildTree(source, { files: 2000, seed, bigFiles: [300 * MB, 40 * MB, 25 * MB, 10 * MB] });
      const before = fingerprint(source);

      const first = assertAllArchived(await up({ source, dataDirectory: data }));
      assert.deepEqual(first.source, { deleted: 0, kept: countFiles(tree).files });
      assertArchiveHolds(first, tree, join(scratch, 'read'), source);
      assert.deepEqual(fingerprint(source), before, 'the source was touched');
      const instruments = first.packages
        .filter((entry) => entry.executedObsUnit === '2026-11-23T02-14-07_CHAI_Orion-KL')
        .map((entry) => entry.instrumentModule.toLowerCase());
      assert.ok(
        instruments.includes('chai') && instruments.length >= 2,
        `a package for each instrument, not ${instruments.join()}`,
      );
      await assertNothingRuns(data);

      const directory = new DataDirectory(data);
      const objects = fingerprint(directory.objects);
      assert.equal(
        directory.packageObjects().length,
        first.packages.length,
        'the archive holds what was reported and no more',
      );
      assert.deepEqual(directory.buffered(), [], 'the buffers are empty once all is archived');

      const second = assertAllArchived(await up({ source, dataDirectory: data }));
      assert.deepEqual(sorted(second), sorted(first));
      assert.deepEqual(fingerprint(directory.objects), objects, 'the second run wrote to the archive');
      assert.deepEqual(fingerprint(source), before);
      await assertNothingRuns(data);
    }),
);

test('--delete-source frees each file only after its package lies in the archive', { timeout }, (t) =>
  withScratch(t, async (scratch) => {
    const [source, data] = [join(scratch, 'source'), join(scratch, 'data')];
    t.after(() => killAll(data));
    mkdirSync(source);
    const tree = buildTree(source, {
      files: 400,
      seed: testSeed((line) => t.diagnostic(line)),
      bigFiles: [20 * MB, 5 * MB],
    });
    const files = [...tree].filter(([, entry]) => entry.kind === 'file').map(([key]) => key);
    const directory = new DataDirectory(data);

    // First what is gone, then what is there: an object that comes between the two looks is only an allowance.
    const seen: { gone: Set<PathKey>; objects: Set<string> }[] = [];
    const command = new UpCommand({ source, dataDirectory: data, arguments: ['--delete-source'] });
    while (command.running) {
      const gone = new Set(files.filter((key) => !existsSync(pathOf(source, key))));
      seen.push({ gone, objects: new Set(directory.packageObjects()) });
      await sleep(50);
    }

    const report = assertAllArchived(await command.ended);
    assert.deepEqual(report.source, { deleted: files.length, kept: 0 });
    const withoutFiles = report.packages.filter((entry) => entry.files === 0);
    assert.deepEqual(withoutFiles, [], 'folders that were emptied were taken for new ones');
    const homes = assertArchiveHolds(report, tree, join(scratch, 'read'));
    assert.deepEqual(countFiles(readTree(source)), { files: 0, bytes: 0 });
    for (const { gone, objects } of seen) {
      const early = [...gone].filter((key) => !objects.has(objectPath(report, homes.get(key)!)));
      assert.deepEqual(early, [], 'deleted before its package was in the archive');
    }
    assert.ok(
      seen.some(({ gone }) => gone.size < files.length),
      'the run was never seen at work',
    );
    await assertNothingRuns(data);
  }),
);

test('without a source, a sample observation of two instruments goes all the way', { timeout }, (t) =>
  withScratch(t, async (scratch) => {
    const data = join(scratch, 'data');
    t.after(() => killAll(data));
    const report = assertAllArchived(await up({ dataDirectory: data }));
    assert.ok(
      report.files >= 100 && report.bytes > 100 * MB,
      `${report.files} files of ${report.bytes} bytes`,
    );
    assert.deepEqual(report.source, { deleted: report.files, kept: 0 });
    const modules = new Set(
      report.packages.map((entry) => entry.instrumentModule.toLowerCase().replace(/[^a-z]/g, '')),
    );
    assert.ok(modules.has('chai') && modules.has('primecam'), [...modules].join(', '));

    const bags = report.packages.map((entry) => unpack(report, entry, join(scratch, 'read', entry.id)));
    const fits = bags.flatMap((bag) => [...walk(bag)].filter(({ key }) => key.endsWith('.fits')));
    for (const { path } of fits) assertFits(path);
    assert.ok(fits.length >= 100, `${fits.length} FITS files`);
    await assertNothingRuns(data);
  }),
);

test(
  'without --once it goes on: files that come later, or grow for a while, are archived once each',
  { timeout },
  (t) =>
    withScratch(t, async (scratch) => {
      const [source, data] = [join(scratch, 'source'), join(scratch, 'data')];
      t.after(() => killAll(data));
      const directory = new DataDirectory(data);
      const done = (files: number) => () =>
        directory.archivedFiles() === files && directory.buffered().length === 0;
      writeFiles(source, ['first/a.dat', 'first/b.dat', 'loose.dat']);

      const command = new UpCommand({ source, dataDirectory: data, once: false });
      await command.until('the first files are archived', done(3));
      writeFiles(source, ['second/c.dat', 'first/later.dat']);
      const growing = join(source, 'second', 'growing.dat');
      for (let part = 0; part < 40; part += 1) {
        appendFileSync(growing, Buffer.alloc(50_000, part));
        await sleep(250);
      }
      await command.until('the later files are archived', done(6));
      const tree = readTree(source);
      const fromTheStore = await digestsOfTheStore(directory);

      const report = assertAllArchived(await command.stop());
      assert.deepEqual(report.source, { deleted: 0, kept: 6 });
      assertArchiveHolds(report, tree, join(scratch, 'read'), source);
      assert.deepEqual(differences(tree, readTree(source)), []);
      const digests = report.packages.map((entry) => [entry.archive.key, entry.sha256]);
      assert.deepEqual(
        Object.fromEntries(fromTheStore),
        Object.fromEntries(digests),
        'what an S3 client reads',
      );
      await assertNothingRuns(data);
    }),
);

function sorted(report: Report): Partial<Report> {
  const packages = [...report.packages].sort((one, other) => one.id.localeCompare(other.id));
  return {
    files: report.files,
    bytes: report.bytes,
    source: report.source,
    problems: report.problems,
    packages,
  };
}

/** A FITS file as its standard wants it at the least: whole blocks, and a header that names telescope and instrument. */
function assertFits(file: Buffer): void {
  const { size } = statSync(file);
  assert.ok(size > 0 && size % 2880 === 0, `${file.toString()} has ${size} bytes`);
  const header = readFileSync(file)
    .subarray(0, 10 * 2880)
    .toString('latin1');
  assert.ok(header.startsWith('SIMPLE  =                    T'), file.toString());
  for (const keyword of ['TELESCOP', 'INSTRUME', 'DATE-OBS'])
    assert.ok(header.includes(keyword.padEnd(8) + '= '), `${keyword} in ${file.toString()}`);
}

/** SHA-256 of every object that the report could name, as an S3 client reads it while the store runs, by key. */
async function digestsOfTheStore(directory: DataDirectory): Promise<[string, string][]> {
  const { endpoint, region, accessKeyId, secretAccessKey } = directory.addresses().s3;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  const digests: [string, string][] = [];
  for (const bucket of directory.buckets) {
    for (const { Key: key } of (await client.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ??
      []) {
      if (key === undefined || !key.endsWith('.tar')) continue;
      const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      digests.push([
        key,
        createHash('sha256')
          .update(await object.Body!.transformToByteArray())
          .digest('hex'),
      ]);
    }
  }
  client.destroy();
  return digests;
}
