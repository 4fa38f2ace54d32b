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
