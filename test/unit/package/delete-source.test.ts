import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { StorageError } from '../../../src/core/exceptions.js';
import { deleteSourceEntries } from '../../../src/core/package/delete-source.js';
import type { PackageMember } from '../../../src/core/package/package-result.js';
import { encodePath } from '../../../src/core/utilities/path-text.js';
import { withScratch } from '../../support/scratch.js';

/** What a package knows of an entry. */
function member(root: string, path: string): PackageMember {
  const stats = lstatSync(join(root, path), { bigint: true });
  const kind = stats.isSymbolicLink() ? 'symlink' : stats.isDirectory() ? 'directory' : 'file';
  return {
    path: encodePath(Buffer.from(path)),
    kind,
    size: kind === 'file' ? Number(stats.size) : 0,
    mtimeNs: stats.mtimeNs.toString(),
    ctimeNs: stats.ctimeNs.toString(),
    sha256:
      kind === 'file'
        ? createHash('sha256')
            .update(readFileSync(join(root, path)))
            .digest('hex')
        : '',
  };
}

test('what was packaged goes, with folders that become empty, but none that an instrument writes to directly', (t) =>
  withScratch(t, async (root) => {
    mkdirSync(join(root, 'chai', 'night', 'scan'), { recursive: true });
    for (const path of ['loose', 'chai/night/scan/a']) writeFileSync(join(root, path), path);
    symlinkSync('/nowhere', join(root, 'chai', 'night', 'link'));
    const members = ['loose', 'chai/night/scan/a', 'chai/night/link'].map((path) => member(root, path));
    const result = await deleteSourceEntries(root, members);
    assert.deepEqual([result.deleted.length, result.kept], [3, []]);
    assert.equal(existsSync(join(root, 'chai', 'night')), false);
    assert.ok(existsSync(join(root, 'chai')));
  }));

test('what is not what was packaged stays, with the reason', (t) =>
  withScratch(t, async (root) => {
    mkdirSync(join(root, 'unit'));
    for (const name of ['grown', 'rewritten', 'replaced by a link', 'new rights'])
      writeFileSync(join(root, 'unit', name), 'content');
    const members = ['grown', 'rewritten', 'replaced by a link', 'new rights'].map((name) =>
      member(root, join('unit', name)),
    );
    appendFileSync(join(root, 'unit', 'grown'), 'more');
    // The same size and time, and other bytes: only the ctime tells.
    const { atime, mtime } = lstatSync(join(root, 'unit', 'rewritten'));
    writeFileSync(join(root, 'unit', 'rewritten'), 'CONTENT');
    utimesSync(join(root, 'unit', 'rewritten'), atime, mtime);
    chmodSync(join(root, 'unit', 'new rights'), 0o600);
    const { kept, deleted } = await deleteSourceEntries(root, [
      ...members.filter(({ path }) => !path.includes('link')),
      { ...member(root, 'unit/grown'), path: encodePath(Buffer.from('unit/grown')), kind: 'symlink' },
    ]);
    assert.deepEqual(deleted, ['unit/new rights']);
    assert.deepEqual(
      kept.map(({ path }) => path),
      ['unit/grown', 'unit/rewritten', 'unit/grown'],
    );
  }));

test('a file that is written to while it is compared stays', (t) =>
  withScratch(t, async (root) => {
    const path = join(root, 'large');
    writeFileSync(path, '');
    truncateSync(path, 256 * 1024 * 1024);
    const packaged = member(root, 'large');
    // Another ctime, so that its bytes are compared.
    chmodSync(path, 0o600);
    const { atime, mtime } = lstatSync(path);
    const deletion = deleteSourceEntries(root, [packaged]);
    await sleep(30);
    const file = openSync(path, 'r+');
    writeSync(file, 'changed!', 0);
    closeSync(file);
    utimesSync(path, atime, mtime);
    const { deleted, kept } = await deletion;
    assert.deepEqual([deleted, kept.length], [[], 1]);
    assert.equal(readFileSync(path).subarray(0, 8).toString(), 'changed!');
  }));

test('an empty source may be a disk that is not mounted: nothing counts as gone', (t) =>
  withScratch(t, async (root) => {
    writeFileSync(join(root, 'a'), 'a');
    const members = [member(root, 'a')];
    rmSync(join(root, 'a'));
    await assert.rejects(deleteSourceEntries(root, members), StorageError);
    writeFileSync(join(root, 'another'), 'b');
    assert.deepEqual((await deleteSourceEntries(root, members)).deleted, ['a']);
  }));
