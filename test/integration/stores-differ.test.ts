import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { CCATDataOperationError, DataCorruptionError } from '../../src/core/exceptions.js';
import { probeStore } from '../../src/core/storage/probe-store.js';
import { S3ArchiveStore } from '../../src/core/storage/s3-archive-store.js';
import { makeS3Client } from '../../src/core/storage/s3-client.js';
import {
  capabilityConcerns,
  modeFor,
  PROBE_PREFIX,
  type StoreCapabilities,
} from '../../src/core/storage/store-capabilities.js';
import { KnownAbilities } from '../../src/activities/store-abilities.js';
import { makeLogger } from '../../src/core/logging.js';
import type { Notice } from '../../src/core/notification-service.js';
import { observatory } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { withScratch } from '../support/scratch.js';
import { withQuirkyStore, type Quirks } from './support/quirky-store.js';
import { s3 } from './support/s3.js';

const MIB = 1024 * 1024;
const PART = 5 * MIB;
const { settings, bucket, store } = s3();

before(() => store().prepare());

const refusesChecksums: Quirks = {
  refuses: ({ headers }) =>
    Object.keys(headers).some((name) => /^x-amz-(checksum|sdk-checksum|trailer)|^content-md5$/.test(name)) ||
    headers['content-encoding'] === 'aws-chunked',
};
const onlyMd5: Quirks = {
  refuses: ({ headers }) =>
    Object.keys(headers).some((name) => /^x-amz-(checksum|sdk-checksum|trailer)/.test(name)),
};
const ignoresChecksums: Quirks = { ignores: /^x-amz-(checksum|sdk-checksum)|^content-md5$/ };
const refusesCrc32: Quirks = {
  refuses: ({ headers }) =>
    'x-amz-checksum-crc32' in headers || headers['x-amz-checksum-algorithm'] === 'CRC32',
};
const wantsSigned: Quirks = {
  refuses: ({ headers }) => headers['x-amz-content-sha256'] === 'UNSIGNED-PAYLOAD',
};
const noListing: Quirks = {
  refuses: ({ method, url, headers }) =>
    (method === 'GET' && (url.searchParams.has('uploads') || url.searchParams.has('uploadId'))) ||
    headers['if-none-match'] !== undefined,
};
const sameEtag: Quirks = { etag: '"d41d8cd98f00b204e9800998ecf8427e"' };

const STORES: [string, Quirks, (able: StoreCapabilities) => void][] = [
  [
    'a store that does all that we wish',
    {},
    (able) => {
      assert.deepEqual(
        { checksum: modeFor(able).checksum, part: modeFor(able).partChecksum },
        { checksum: 'SHA256', part: 'CRC32' },
      );
      assert.equal(able.unsignedPayload, true);
      for (const trust of Object.values(able.checksums)) assert.equal(trust, 'checked');
      assert.equal(able.signedPayload, 'checked');
      assert.ok(able.conditionalPut && able.multipart.lists && able.ranges && able.tellsChecksums);
      assert.deepEqual(capabilityConcerns(able), []);
    },
  ],
  [
    'a store that refuses the checksums of the SDK and of ours',
    refusesChecksums,
    (able) => {
      assert.deepEqual(new Set(Object.values(able.checksums)), new Set(['refused']));
      assert.deepEqual(able.sdkDefaults, { header: false, trailer: false });
      assert.equal(modeFor(able).checksum, undefined);
    },
  ],
  [
    'a store that knows Content-MD5 alone',
    onlyMd5,
    (able) => assert.equal(able.contentMd5 === 'checked' ? 'MD5' : undefined, modeFor(able).checksum),
  ],
  [
    'a store that takes wrong checksums',
    ignoresChecksums,
    (able) => {
      assert.equal(able.checksums.SHA256, 'ignored');
      assert.equal(modeFor(able).checksum, undefined);
      assert.match(capabilityConcerns(able).join('\n'), /wrong checksum \(SHA256/);
    },
  ],
  [
    'a store that refuses the CRC-32',
    refusesCrc32,
    (able) => assert.deepEqual([able.checksums.CRC32, modeFor(able).partChecksum], ['refused', 'SHA256']),
  ],
  [
    'a store that wants each body signed',
    wantsSigned,
    (able) => assert.deepEqual([modeFor(able).takesUnsigned, modeFor(able).partChecksum], [false, 'CRC32']),
  ],
  [
    'a store that neither tells parts nor refuses to overwrite',
    noListing,
    (able) => {
      assert.equal(able.multipart.lists, false);
      assert.equal(able.conditionalPut, false);
    },
  ],
  ['a store whose ETags are the same for all objects', sameEtag, (able) => assert.ok(able.multipart.works)],
];

for (const [what, quirks, judge] of STORES) {
  test(`${what} is found out, and takes, resumes, gives back and proves packages`, (t) =>
    withScratch(t, (directory) =>
      throughQuirks(quirks, async (through) => {
        const able = await probeStore({ ...through, bucket });
        judge(able);
        await nothingIsLeft();
        const archive = new S3ArchiveStore({
          ...through,
          bucket,
          partBytes: PART,
          oneRequestBytes: () => Promise.resolve(PART),
          abilities: {
            mode: () => Promise.resolve(modeFor(able)),
            contradicted: () => Promise.resolve(false),
          },
        });
        for (const bytes of [0, 1000, 2 * MIB, 3 * PART + 7]) await fullPath(archive, directory, bytes);
      }),
    ));
}

test('a byte that changes on its way into a part or an object is found by the store, and nothing is published', (t) =>
  withScratch(t, async (directory) => {
    for (const bytes of [1000, 2 * MIB, 3 * PART + 7]) {
      const { key, path, expected } = package_(directory, bytes);
      let damaged = 0;
      const quirks: Quirks = {
        damages: ({ method, url }) =>
          method === 'PUT' && (bytes < PART || url.searchParams.get('partNumber') === '2') && ++damaged === 1,
      };
      await withQuirkyStore(settings, quirks, async (through) => {
        const archive = new S3ArchiveStore({
          ...through,
          bucket,
          partBytes: PART,
          oneRequestBytes: () => Promise.resolve(PART),
        });
        // It was not damaged here: nobody is told to bring another copy.
        await assert.rejects(
          archive.put(key, path, expected),
          (error) => error instanceof CCATDataOperationError && !(error instanceof DataCorruptionError),
        );
        assert.equal(damaged, 1);
        assert.equal(await archive.head(key), undefined);
        await archive.put(key, path, expected);
        assert.deepEqual(await archive.readBack(key), expected);
      });
    }
  }));

test('an upload that was begun with checksums of another kind is given up, and made anew', (t) =>
  withScratch(t, async (directory) => {
    const { key, path, expected } = package_(directory, 3 * PART + 7);
    const client = makeS3Client(settings, { idleSeconds: 10 });
    const begun = { Bucket: bucket, Key: key, ChecksumAlgorithm: 'SHA256' } as const;
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(begun));
    const archive = store({ partBytes: PART, oneRequestBytes: () => Promise.resolve(PART) });
    await archive.put(key, path, expected);
    assert.deepEqual(await archive.readBack(key), expected);
    const { Uploads = [] } = await client.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }),
    );
    assert.deepEqual(
      Uploads.map((one) => one.UploadId),
      [],
      `of ${UploadId} nothing is left`,
    );
  }));

function throughQuirks(quirks: Quirks, run: (through: typeof settings) => Promise<void>): Promise<void> {
  return Object.keys(quirks).length === 0 ? run(settings) : withQuirkyStore(settings, quirks, run);
}

test('a store that refuses what it was found to do is asked anew, by a failure that is tried again', (t) =>
  withScratch(t, (directory) =>
    withQuirkyStore(settings, refusesChecksums, async (through) => {
      const file = package_(directory, 1000);
      let [able, told] = [modeFor(await probeStore({ ...settings, bucket })), 0];
      const archive = () =>
        new S3ArchiveStore({
          ...through,
          bucket,
          abilities: {
            mode: () => Promise.resolve(able),
            contradicted: () => Promise.resolve(++told === 1),
          },
        });
      await assert.rejects(archive().put(file.key, file.path, file.expected), (error: Error) => {
        assert.equal(error.name, 'ArchiveError');
        return true;
      });
      able = modeFor(await probeStore({ ...through, bucket }));
      await archive().put(file.key, file.path, file.expected);
      assert.deepEqual(await archive().readBack(file.key), file.expected);
    }),
  ));

test('an ability that a store has lost is told once, and it is used as far as it goes', () =>
  withCatalogue(async ({ catalogue }) => {
    const { archive } = await observatory(catalogue);
    const quirks: Quirks = {};
    await withQuirkyStore(settings, quirks, async (through) => {
      const notices: Notice[] = [];
      const abilities = new KnownAbilities(
        catalogue,
        archive,
        { ...through, bucket },
        makeLogger({ level: 'error', format: 'text' }),
        { tell: (notice) => Promise.resolve(void notices.push(notice)) },
      );
      await abilities.probe();
      assert.equal((await abilities.mode()).conditionalPut, true);
      quirks.refuses = noListing.refuses;
      await abilities.probe();
      await abilities.probe();
      assert.deepEqual(
        notices.map(({ kind, level }) => [kind, level]),
        [['store_lost_abilities', 'warning']],
      );
      assert.match(notices[0]?.happened ?? '', /cologne\.lta can do less .*refuse to overwrite/);
    });
  }));

async function fullPath(archive: S3ArchiveStore, directory: string, bytes: number): Promise<void> {
  const { key, path, expected } = package_(directory, bytes);
  if (bytes > PART) {
    const control = new AbortController();
    const reason = new Error('stopped in the middle');
    const cut = archive.put(key, path, expected, {
      signal: control.signal,
      onProgress: () => control.abort(reason),
    });
    await assert.rejects(cut, reason);
  }
  await archive.put(key, path, expected);
  await archive.put(key, path, expected);
  assert.deepEqual(await archive.readBack(key), expected);
  await archive.putJson(`${key}.json`, { sha256: expected.sha256 });
  assert.deepEqual(await archive.getJson(`${key}.json`), { sha256: expected.sha256 });
  assert.equal(await archive.getJson(`${key}.nothing`), undefined);
  const client = makeS3Client(settings, { idleSeconds: 10 });
  const { Uploads = [] } = await client.send(
    new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }),
  );
  assert.deepEqual(Uploads, []);
}

async function nothingIsLeft(): Promise<void> {
  const client = makeS3Client(settings, { idleSeconds: 10 });
  const { Contents = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: PROBE_PREFIX }),
  );
  assert.deepEqual(Contents, []);
  const { Uploads = [] } = await client.send(
    new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: PROBE_PREFIX }),
  );
  assert.deepEqual(Uploads, []);
}

function package_(directory: string, bytes: number) {
  const content = randomBytes(bytes);
  const key = `${randomBytes(6).toString('hex')}/package.tar`;
  const path = join(directory, randomBytes(6).toString('hex'));
  writeFileSync(path, content);
  return { key, path, expected: { bytes, sha256: createHash('sha256').update(content).digest('hex') } };
}
