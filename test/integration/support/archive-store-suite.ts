import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  DataCorruptionError,
  DestinationFileExistsError,
  PermanentError,
} from '../../../src/core/exceptions.js';
import type { ArchiveStore, StoredObject } from '../../../src/core/storage/archive-store.js';
import { objectSource } from '../../../src/core/storage/byte-source.js';

export const MIB = 1024 * 1024;

export interface RandomFile {
  path: string;
  content: Buffer;
  expected: { bytes: number; sha256: string };
}

/** Files of random bytes for the tests of one file, removed after them. */
export function randomFiles(): (bytes: number) => Promise<RandomFile> {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cdt-archive-'));
  });
  after(() => rm(directory, { recursive: true }));
  return async (bytes) => {
    const content = randomBytes(bytes);
    const path = join(directory, randomBytes(4).toString('hex'));
    await writeFile(path, content);
    return { path, content, expected: { bytes, sha256: sha256(content) } };
  };
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** What every archive store does, whatever it is made of: the contract of {@link ArchiveStore}. */
export function behavesLikeAnArchiveStore(
  name: string,
  make: () => ArchiveStore,
  file: (bytes: number) => Promise<RandomFile>,
): void {
  for (const [what, bytes] of [
    ['an empty file', 0],
    ['a small file', 1000],
    ['a large file', 17 * MIB + 3],
  ] as const)
    test(`${name} stores ${what}, tells it by head, gives it back whole and in ranges`, async () => {
      const { path, content, expected } = await file(bytes);
      const archive = make();
      const progress: number[] = [];
      const key = `a/${bytes}.tar`;
      const stored = await archive.put(key, path, expected, { onProgress: (done) => progress.push(done) });
      assert.equal(stored.bytes, bytes);
      assert.equal(progress.at(-1) ?? 0, bytes);
      assert.deepEqual(await archive.head(key), stored);
      assert.deepEqual(await archive.readBack(key), expected);
      const offset = Math.floor(bytes / 2);
      const length = Math.min(1000, bytes - offset);
      const asked = [
        { offset: 0, bytes: offset },
        { offset, bytes: length },
      ];
      const ranges = asked.map((range) => ({
        ...range,
        sha256: sha256(content.subarray(range.offset, range.offset + range.bytes)),
      }));
      assert.deepEqual(await archive.readBack(key, { ranges: asked }), { ...expected, ranges });
      assert.deepEqual(
        await archive.readRange(key, offset, length),
        content.subarray(offset, offset + length),
      );
      assert.deepEqual(await archive.put(key, path, expected), stored, 'the same again is success');
      await archive.put(`copy/${key}`, objectSource(archive, key, bytes), expected);
      assert.deepEqual(await archive.readBack(`copy/${key}`), expected, 'from store to store');
    });

  test(`${name} lists all that it holds, on more pages than one`, { timeout: 300_000 }, async () => {
    const archive = make();
    const { path, expected } = await file(0);
    const keys = Array.from({ length: 1005 }, (_, index) => `many/folder ${index % 7}/+${index}&<é>.tar`);
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map((key) => archive.put(key, path, expected)));
    const listed: StoredObject[] = [];
    let pages = 0;
    for await (const page of archive.list()) {
      pages += 1;
      listed.push(...page.filter(({ key }) => key.startsWith('many/')));
    }
    assert.ok(pages > 1, `${pages} pages`);
    assert.deepEqual(listed.map(({ key }) => key).sort(), keys.sort());
    for (const { key, bytes, lastModified } of listed) {
      assert.equal(bytes, 0, key);
      assert.ok(Date.parse(lastModified ?? '') > 0, key);
    }
  });

  test(`${name} never overwrites another object`, async () => {
    for (const bytes of [1000, 2000]) {
      const [one, other] = [await file(1000), await file(bytes)];
      const key = `taken/${bytes}`;
      await make().put(key, one.path, one.expected);
      await assert.rejects(make().put(key, other.path, other.expected), DestinationFileExistsError);
      assert.deepEqual(await make().readBack(key), one.expected);
    }
  });

  test(`${name} lets one of two win that store different objects under one key at once`, async () => {
    const files = [await file(3 * MIB), await file(3 * MIB)];
    const ends = await Promise.allSettled(
      files.map(({ path, expected }) => make().put('raced', path, expected)),
    );
    const won = files.filter((_, index) => ends[index]?.status === 'fulfilled');
    assert.equal(won.length, 1);
    assert.deepEqual(await make().readBack('raced'), won[0]?.expected);
  });

  test(`${name} does not publish a file that is not what its digest says`, async () => {
    const archive = make();
    for (const bytes of [1000, 11 * MIB]) {
      const { path, expected } = await file(bytes);
      const other = { ...expected, sha256: '0'.repeat(64) };
      await assert.rejects(archive.put(`bad/${bytes}`, path, other), DataCorruptionError);
      await truncate(path, bytes - 1);
      await assert.rejects(archive.put(`bad/${bytes}`, path, expected), DataCorruptionError);
      assert.equal(await archive.head(`bad/${bytes}`), undefined);
    }
  });

  test(`${name} stops when it is aborted, and publishes nothing`, async () => {
    const { path, expected } = await file(40 * MIB);
    const control = new AbortController();
    const put = make().put('aborted', path, expected, {
      signal: control.signal,
      onProgress: () => control.abort(new Error('enough')),
    });
    await assert.rejects(put);
    assert.equal(await make().head('aborted'), undefined);
  });

  test(`${name} has no object that nobody stored`, async () => {
    assert.equal(await make().head('no/such/object'), undefined);
    assert.equal(await make().getJson('no/such/object'), undefined);
    await assert.rejects(make().readBack('no/such/object'), PermanentError);
    await make().requireStore();
  });

  test(`${name} replaces a document beside a package`, async () => {
    await make().putJson('a.json', { version: 1 });
    const stored = await make().putJson('a.json', { version: 2 });
    const text = (await make().readRange('a.json', 0, stored.bytes)).toString();
    assert.deepEqual(JSON.parse(text), { version: 2 });
    assert.deepEqual(await make().getJson('a.json'), { version: 2 });
  });
}
