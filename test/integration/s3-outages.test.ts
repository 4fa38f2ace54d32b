import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { DataCorruptionError, NetworkError, PermanentError } from '../../src/core/exceptions.js';
import { S3ArchiveStore } from '../../src/core/storage/s3-archive-store.js';
import { makeS3Client } from '../../src/core/storage/s3-client.js';
import { withScratch } from '../support/scratch.js';
import { s3 } from './support/s3.js';

const MIB = 1024 * 1024;
/** The smallest part that the store takes but as the last. */
const PART = 5 * MIB;
const { settings, bucket, store } = s3();

before(() => store().prepare());

interface Package {
  key: string;
  path: string;
  expected: { bytes: number; sha256: string };
}

test('a store that falls silent while an object goes up is a network error, and the next put goes on', (t) =>
  withPackage(t, 6 * PART, async ({ key, path, expected }) => {
    await withLine(async (line) => {
      line.silentAfter({ toStore: 3 * PART });
      await assert.rejects(line.store().put(key, path, expected), NetworkError);
    });
    assert.equal(await store().head(key), undefined);
    await store({ partBytes: PART }).put(key, path, expected);
    assert.deepEqual(await store().readBack(key), expected);
  }));

test('a store that falls silent while an object is read back is a network error', (t) =>
  withPackage(t, 8 * MIB, async ({ key, path, expected }) => {
    await store().put(key, path, expected);
    await withLine(async (line) => {
      line.silentAfter({ fromStore: 2 * MIB });
      await assert.rejects(line.store().readBack(key), NetworkError);
    });
  }));

test('an object whose reading breaks off is never taken for whole', (t) =>
  withPackage(t, 8 * MIB, async ({ key, path, expected }) => {
    await store().put(key, path, expected);
    await withLine(async (line) => {
      line.cutAfter({ fromStore: 2 * MIB });
      await assert.rejects(line.store().readBack(key), NetworkError);
    });
  }));

test('a question that the store never answers is a network error', async () => {
  await withLine(async (line) => {
    line.silentAfter({ toStore: 0 });
    for (const ask of [
      () => line.store().prepare(),
      () => line.store().head('a'),
      () => line.store().putJson('a', {}),
    ]) {
      await assert.rejects(ask(), NetworkError);
    }
  });
});

test('reading back stops when it is aborted', (t) =>
  withPackage(t, 32 * MIB, async ({ key, path, expected }) => {
    await store().put(key, path, expected);
    const control = new AbortController();
    const reason = new Error('stopped in the middle');
    let read = 0;
    const onProgress = (bytes: number) => {
      read = bytes;
      control.abort(reason);
    };
    await assert.rejects(store().readBack(key, { signal: control.signal, onProgress }), reason);
    assert.ok(read < expected.bytes);
  }));

test('two attempts at once store one good object', (t) =>
  withPackage(t, 4 * PART + 1, async ({ key, path, expected }) => {
    const archive = store({ partBytes: PART });
    const outcomes = await Promise.allSettled([
      archive.put(key, path, expected),
      archive.put(key, path, expected),
    ]);
    assert.ok(outcomes.some(({ status }) => status === 'fulfilled'));
    // The one that came second may have to ask again; it must find its work done, not be stopped for good.
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        assert.equal((outcome.reason as { retryable: boolean }).retryable, true);
    await archive.put(key, path, expected);
    assert.deepEqual(await archive.readBack(key), expected);
    assert.deepEqual(await unfinishedUploads(key), []);
  }));

test('a file that changed since its upload was interrupted is not published, and nothing of the upload is left to go on from', (t) =>
  withPackage(t, 4 * PART, async ({ key, path, expected }) => {
    const control = new AbortController();
    const reason = new Error('stopped in the middle');
    const archive = store({ partBytes: PART });
    const interrupted = archive.put(key, path, expected, {
      signal: control.signal,
      onProgress: () => control.abort(reason),
    });
    await assert.rejects(interrupted, reason);
    const changed = randomBytes(expected.bytes);
    writeFileSync(path, changed);
    await assert.rejects(archive.put(key, path, expected), DataCorruptionError);
    assert.equal(await archive.head(key), undefined);
    const now = { bytes: changed.length, sha256: createHash('sha256').update(changed).digest('hex') };
    await archive.put(key, path, now);
    assert.deepEqual(await archive.readBack(key), now);
  }));

test('a file that can not be read is told as such, not as a failure of the store', (t) =>
  withPackage(t, MIB, async ({ key, path, expected }) => {
    await assert.rejects(store().put(key, `${path}.gone`, expected), PermanentError);
  }));

/** Uploads in parts that were begun and neither completed nor aborted. */
async function unfinishedUploads(key: string): Promise<string[]> {
  const client = makeS3Client(settings, { idleSeconds: 10 });
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return Uploads.filter((upload) => upload.Key === key).map((upload) => upload.UploadId ?? '');
}

/** Runs a test with a file of random bytes and a key of its own. */
function withPackage(t: TestContext, bytes: number, run: (one: Package) => Promise<void>): Promise<void> {
  return withScratch(t, async (directory) => {
    const content = randomBytes(bytes);
    const path = join(directory, 'package.tar');
    writeFileSync(path, content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    await run({ key: `${randomBytes(6).toString('hex')}/package.tar`, path, expected: { bytes, sha256 } });
  });
}

interface Traffic {
  toStore?: number;
  fromStore?: number;
}

interface Line {
  /** The same store, reached over the line, by a client that waits for a second only. */
  store(): S3ArchiveStore;
  /** From so many bytes on, nothing moves any more although the connection stays, as with a frozen server. */
  silentAfter(traffic: Traffic): void;
  /** After so many bytes every connection is cut. */
  cutAfter(traffic: Traffic): void;
}

/** Runs with a line to the store that can fail. */
async function withLine(run: (line: Line) => Promise<void>): Promise<void> {
  const target = new URL(settings.endpoint!);
  const sockets = new Set<Socket>();
  const passed = { toStore: 0, fromStore: 0 };
  let limit: Traffic = {};
  let cut = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    for (const [from, to, way] of [
      [near, far, 'toStore'],
      [far, near, 'fromStore'],
    ] as const) {
      sockets.add(from);
      from.on('data', (data: Buffer) => {
        passed[way] += data.length;
        const over = passed[way] > (limit[way] ?? Infinity);
        if (!over) to.write(data);
        else if (cut) for (const socket of sockets) socket.destroy();
        else from.pause();
      });
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fail = (at: Traffic, byCutting: boolean) => {
    limit = at;
    cut = byCutting;
  };
  try {
    await run({
      store: () => new S3ArchiveStore({ ...settings, endpoint, bucket, partBytes: PART, idleSeconds: 1 }),
      silentAfter: (traffic) => fail(traffic, false),
      cutAfter: (traffic) => fail(traffic, true),
    });
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, 'close');
  }
}
