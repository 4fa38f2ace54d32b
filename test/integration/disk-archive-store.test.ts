import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigurationError, PermanentError, StorageError } from '../../src/core/exceptions.js';
import { DiskArchiveStore } from '../../src/core/storage/disk-archive-store.js';
import {
  COPY_PROGRAMS,
  type CopyProgram,
} from '../../src/core/utilities/make-long-term-archive-copy-command.js';
import { letsPastTheCache, readFromDisks } from '../support/direct-disk.js';
import { withSmallDisk } from '../support/hostile-disk.js';
import { behavesLikeAnArchiveStore, MIB, randomFiles } from './support/archive-store-suite.js';

const file = randomFiles();
const base = mkdtempSync(join(tmpdir(), 'cdt-disk-archive-'));
after(() => rmSync(base, { recursive: true }));

function directory(name: string): string {
  const root = join(base, name);
  mkdirSync(root, { recursive: true });
  return root;
}

function at(root: string, program?: CopyProgram): DiskArchiveStore {
  return new DiskArchiveStore({ root, copyProgram: () => Promise.resolve(program) });
}

for (const program of [undefined, ...(Object.keys(COPY_PROGRAMS) as CopyProgram[])]) {
  const root = directory(program ?? 'own');
  const name = program === undefined ? 'a disk archive' : `a disk archive written by ${program}`;
  behavesLikeAnArchiveStore(name, () => at(root, program), file);

  test(`${name} leaves nothing half-made, and nobody writes to what is in it`, async () => {
    const { path, expected } = await file(1000);
    await at(root, program).put('ro/x.tar', path, expected);
    assert.equal(statSync(join(root, 'ro/x.tar')).mode & 0o777, 0o444);
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(
      names.filter((one) => one.endsWith('.part')),
      [],
    );
  });
}

test('what is read back, whole or in part, is read from the disk', async (t) => {
  const root = directory('direct');
  if (!letsPastTheCache(root)) {
    t.skip('the scratch folder is on a file system of another kind');
    return;
  }
  const { path, content, expected } = await file(8 * MIB + 5);
  for (const program of [undefined, 'cp'] as const) {
    const key = `${program}.tar`;
    await at(root, program).put(key, path, expected);
    for (const [act, least] of [
      [() => at(root).readBack(key), 8 * MIB],
      [() => at(root).readRange(key, 3 * MIB - 7, 2 * MIB), 2 * MIB],
    ] as const) {
      const before = readFromDisks();
      await act();
      const read = readFromDisks() - before;
      assert.ok(read >= least, `${read} bytes came from the disk`);
    }
  }
  for (const [offset, length] of [
    [0, 1],
    [4095, 2],
    [MIB - 3, MIB + 6],
    [8 * MIB, 5],
    [17, 8 * MIB - 12],
  ] as const) {
    const read = await at(root).readRange('cp.tar', offset, length);
    assert.ok(read.equals(content.subarray(offset, offset + length)), `${length} bytes from ${offset} on`);
  }
  await assert.rejects(at(root).readRange('cp.tar', 8 * MIB, 6), StorageError);
});

test('a full disk is told as one that may have space again, and leaves nothing behind', async () => {
  const root = directory('small');
  await withSmallDisk(root, 4 * MIB, async () => {
    const { path, expected } = await file(8 * MIB);
    await assert.rejects(at(root).put('large.tar', path, expected), StorageError);
    assert.deepEqual(readdirSync(root), []);
  });
});

test('an archive that is not there has lost nothing', async () => {
  const root = directory('away');
  const { path, expected } = await file(10);
  await at(root).put('x', path, expected);
  renameSync(root, `${root}-unmounted`);
  for (const attempt of [
    () => at(root).requireStore(),
    () => at(root).head('x'),
    () => at(root).put('x', path, expected),
  ])
    await assert.rejects(attempt(), ConfigurationError);
  const other = new DiskArchiveStore({
    root: directory('away'),
    requireDisk: () => Promise.reject(new StorageError('not its disk')),
  });
  await assert.rejects(other.head('x'), /not its disk/);
  await assert.rejects(other.put('x', path, expected), /not its disk/);
});

test('a key leads nowhere else', async () => {
  const root = directory('inside');
  const { path, expected } = await file(10);
  for (const key of ['../out', '/etc/x', 'a/../../out', ''])
    await assert.rejects(at(root).put(key, path, expected), PermanentError);
  symlinkSync(path, join(root, 'link'));
  await assert.rejects(at(root).head('link'), PermanentError);
  await assert.rejects(at(root).readBack('link'), PermanentError);
});
