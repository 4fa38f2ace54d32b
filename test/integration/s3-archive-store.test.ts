import assert from 'node:assert/strict';
import { createServer, connect, type Server } from 'node:net';
import { before, test } from 'node:test';
import { ConfigurationError, NetworkError, PermanentError } from '../../src/core/exceptions.js';
import { S3ArchiveStore } from '../../src/core/storage/s3-archive-store.js';
import { Secret } from '../../src/core/utilities/secret.js';
import { behavesLikeAnArchiveStore, MIB, randomFiles } from './support/archive-store-suite.js';
import { s3 } from './support/s3.js';

const { settings, bucket, store } = s3();
const inParts = s3();
const file = randomFiles();

before(() => Promise.all([store().prepare(), inParts.store().prepare()]));

behavesLikeAnArchiveStore('an S3 archive', () => store(), file);
behavesLikeAnArchiveStore(
  'an S3 archive that takes objects in parts',
  () => inParts.store({ partBytes: 5 * MIB, oneRequestBytes: () => Promise.resolve(5 * MIB) }),
  file,
);

test('the store itself tells the SHA-256 of an object that was put in one request', async () => {
  const { path, expected } = await file(3 * MIB + 5);
  const stored = await store().put('told', path, expected);
  assert.equal(stored.sha256, expected.sha256);
});

test('an upload that was cut off goes on with the parts that are missing', async () => {
  const { path, expected } = await file(60 * MIB);
  const cut = await cuttingProxy(35 * MIB);
  const through = new S3ArchiveStore({ ...settings, endpoint: cut.url, bucket, partBytes: 5 * MIB });
  await assert.rejects(through.put('resumed', path, expected, { inParts: true }), NetworkError);
  const before = cut.passed();
  assert.ok(before >= 30 * MIB);
  cut.limit(Infinity);
  await through.put('resumed', path, expected, { inParts: true });
  const sentAgain = cut.passed() - before;
  assert.ok(
    sentAgain < 45 * MIB,
    `${sentAgain} bytes of ${expected.bytes} went over the line in the second try`,
  );
  assert.deepEqual(await store().readBack('resumed'), expected);
  await cut.close();
});

test('one request that is cut off leaves nothing behind, and is tried again in parts', async () => {
  const { path, expected } = await file(20 * MIB);
  const cut = await cuttingProxy(12 * MIB);
  const through = new S3ArchiveStore({ ...settings, endpoint: cut.url, bucket });
  await assert.rejects(through.put('cut', path, expected), NetworkError);
  assert.equal(await store().head('cut'), undefined);
  cut.limit(Infinity);
  await through.put('cut', path, expected, { inParts: true });
  assert.deepEqual(await store().readBack('cut'), expected);
  await cut.close();
});

test('wrong keys are a permanent error that names the variables and not the keys', async () => {
  const secret = 'a-very-secret-value';
  const wrong = new S3ArchiveStore({ ...settings, secretAccessKey: new Secret(secret), bucket });
  for (const attempt of [
    () => wrong.prepare(),
    () => wrong.readBack('taken/1000'),
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
