import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  ConfigurationError,
  DataCorruptionError,
  DestinationFileExistsError,
  NetworkError,
  PermanentError,
} from '../../src/core/exceptions.js';
import { S3ArchiveStore } from '../../src/core/storage/s3-archive-store.js';
import { Secret } from '../../src/core/utilities/secret.js';
import { s3 } from './support/s3.js';

const MIB = 1024 * 1024;
const { settings, bucket, store } = s3();
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cdt-s3-'));
  await store().prepare();
});

after(() => rm(directory, { recursive: true }));

async function file(
  bytes: number,
): Promise<{ path: string; content: Buffer; expected: { bytes: number; sha256: string } }> {
  const content = randomBytes(bytes);
  const path = join(directory, randomBytes(4).toString('hex'));
  await writeFile(path, content);
  return { path, content, expected: { bytes, sha256: createHash('sha256').update(content).digest('hex') } };
}

for (const [what, bytes] of [
  ['an empty file', 0],
  ['a small file in one request', 1000],
  ['a file in parts', 17 * MIB + 3],
] as const) {
  test(`stores ${what}, tells it by head, gives it back whole and in ranges`, async () => {
    const { path, content, expected } = await file(bytes);
    const archive = store({ partBytes: 5 * MIB });
    const progress: number[] = [];
    const stored = await archive.put(`a/${bytes}.tar`, path, expected, {
      onProgress: (done) => progress.push(done),
    });
    assert.equal(stored.bytes, bytes);
    assert.equal(progress.at(-1) ?? 0, bytes);
    assert.equal((await archive.head(stored.key))?.etag, stored.etag);
    assert.deepEqual(await archive.readBack(stored.key), expected);
    const offset = Math.floor(bytes / 2);
    const length = Math.min(1000, bytes - offset);
    assert.deepEqual(
      await archive.readRange(stored.key, offset, length),
      content.subarray(offset, offset + length),
    );
    // Storing the same again is success, and sends nothing.
    assert.deepEqual(await archive.put(stored.key, path, expected), stored);
  });
}

test('never overwrites another object', async () => {
  const [one, other] = [await file(1000), await file(1000)];
  await store().put('taken', one.path, one.expected);
  await assert.rejects(store().put('taken', other.path, other.expected), DestinationFileExistsError);
  assert.deepEqual(await store().readBack('taken'), one.expected);
});

test('does not publish a file that is not what its digest says', async () => {
  const archive = store({ partBytes: 5 * MIB });
  for (const bytes of [1000, 11 * MIB]) {
    const { path, expected } = await file(bytes);
    await assert.rejects(
      archive.put(`bad/${bytes}`, path, { ...expected, sha256: '0'.repeat(64) }),
      DataCorruptionError,
    );
    await truncate(path, bytes - 1);
    await assert.rejects(archive.put(`bad/${bytes}`, path, expected), DataCorruptionError);
    assert.equal(await archive.head(`bad/${bytes}`), undefined);
  }
});

test('an upload that was cut off goes on with the parts that are missing', async () => {
  const { path, expected } = await file(60 * MIB);
  const cut = await cuttingProxy(35 * MIB);
  const through = new S3ArchiveStore({ ...settings, endpoint: cut.url, bucket, partBytes: 5 * MIB });
  await assert.rejects(through.put('resumed', path, expected), NetworkError);
  const before = cut.passed();
  assert.ok(before >= 30 * MIB);
  cut.limit(Infinity);
  await through.put('resumed', path, expected);
  const sentAgain = cut.passed() - before;
  assert.ok(
    sentAgain < 45 * MIB,
    `${sentAgain} bytes of ${expected.bytes} went over the line in the second try`,
  );
  assert.deepEqual(await store().readBack('resumed'), expected);
  await cut.close();
});

test('an upload that is aborted stops, and its reason comes out', async () => {
  const { path, expected } = await file(40 * MIB);
  const control = new AbortController();
  const put = store({ partBytes: 5 * MIB }).put('aborted', path, expected, {
    signal: control.signal,
    onProgress: () => control.abort(new Error('enough')),
  });
  await assert.rejects(put);
  assert.equal(await store().head('aborted'), undefined);
});

test('wrong keys are a permanent error that names the variables and not the keys', async () => {
  const secret = 'a-very-secret-value';
  const wrong = new S3ArchiveStore({ ...settings, secretAccessKey: new Secret(secret), bucket });
  for (const attempt of [
    () => wrong.prepare(),
    () => wrong.readBack('taken'),
    () => wrong.putJson('x', {}),
  ]) {
    await assert.rejects(attempt(), (error: Error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.advice ?? '', /CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY/);
      assert.ok(!JSON.stringify([error, error.message, error.stack]).includes(secret));
      return true;
    });
  }
});

test('a store that is away is a network error, an object that is missing a permanent one, a bucket that is missing a matter of settings', async () => {
  const away = new S3ArchiveStore({ ...settings, endpoint: 'http://127.0.0.1:1', bucket });
  await assert.rejects(away.readBack('x'), NetworkError);
  await assert.rejects(store().readBack('no/such/object'), PermanentError);
  const { path, expected } = await file(10);
  const noBucket = new S3ArchiveStore({ ...settings, bucket: `${bucket}-missing` });
  await assert.rejects(noBucket.put('x', path, expected), ConfigurationError);
});

test('a document beside a package can be replaced', async () => {
  await store().putJson('a.json', { version: 1 });
  const stored = await store().putJson('a.json', { version: 2 });
  const text = (await store().readRange('a.json', 0, stored.bytes)).toString();
  assert.deepEqual(JSON.parse(text), { version: 2 });
});

/** A line to the store that breaks after so many bytes towards it. */
async function cuttingProxy(bytes: number) {
  const target = new URL(settings.endpoint ?? '');
  let left = bytes;
  let passed = 0;
  const server: Server = createServer((inward) => {
    const outward = connect(Number(target.port), target.hostname);
    const end = () => [inward, outward].forEach((socket) => socket.destroy());
    for (const socket of [inward, outward]) socket.on('error', end).on('close', end);
    inward.on('data', (chunk) => {
      if (left <= 0) {
        end();
        return;
      }
      left -= chunk.length;
      passed += chunk.length;
      outward.write(chunk);
    });
    outward.on('data', (chunk) => inward.write(chunk));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    passed: () => passed,
    limit: (to: number) => (left = to),
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
