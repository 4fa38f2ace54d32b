import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ArchiveError, PermanentError, StorageError } from '../../../src/core/exceptions.js';
import {
  checkPlainName,
  classifyDiskError,
  freeSpace,
  insideDirectory,
  removeIfPresent,
  syncDirectory,
  writeAll,
  writeFileAtomically,
} from '../../../src/core/utilities/disk.js';
import { withScratch } from '../../support/scratch.js';

function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: something failed, write`), { code, syscall: 'write' });
}

test('a disk that is full, busy, broken or read-only is tried again; a full one after a while', () => {
  for (const code of ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EBUSY', 'EMFILE']) {
    const error = classifyDiskError(systemError(code), { operation: 'data_transfer', subject: 'a.tar' });
    assert.ok(error instanceof StorageError, code);
    assert.equal(error.retryAfterSeconds, ['ENOSPC', 'EDQUOT'].includes(code) ? 30 : undefined);
    assert.equal(error.subject, 'a.tar');
    assert.equal(error.operation, 'data_transfer');
    assert.equal(error.context['code'], code);
  }
});

test('what a person must change is a permanent error, with the cause kept', () => {
  for (const code of ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']) {
    const cause = systemError(code);
    const error = classifyDiskError(cause, { subject: 'a.tar' });
    assert.ok(error instanceof PermanentError, code);
    assert.equal(error.cause, cause);
  }
});

test('an error of ours, an abort and a defect keep their class', () => {
  const abort = Object.assign(new Error('aborted'), { name: 'AbortError', code: 'ABORT_ERR' });
  for (const error of [new ArchiveError('no'), abort, new TypeError('a defect')]) {
    assert.equal(classifyDiskError(error), error);
  }
});

test('a message with a hostile name stays on one line', async () => {
  const missing = await stat('/nowhere/a\nb').catch((error: unknown) => classifyDiskError(error));
  assert.ok(missing instanceof PermanentError);
  assert.ok(!missing.message.includes('\n'));
});

test('a file is written whole, replaced whole, and nothing is left beside it', (t) =>
  withScratch(t, async (directory) => {
    const path = join(directory, 'a.json');
    await writeFileAtomically(path, 'first, and longer');
    await writeFileAtomically(path, 'second');
    assert.equal(readFileSync(path, 'utf8'), 'second');
    assert.deepEqual(readdirSync(directory), ['a.json']);
  }));

test('where a file can not be put in place, what was there stays and nothing is left beside it', (t) =>
  withScratch(t, async (directory) => {
    const path = join(directory, 'taken');
    mkdirSync(join(path, 'inside'), { recursive: true });
    await assert.rejects(writeFileAtomically(path, 'x'), PermanentError);
    assert.deepEqual(readdirSync(directory), ['taken']);
    await assert.rejects(writeFileAtomically(join(directory, 'no', 'folder'), 'x'), PermanentError);
  }));

test('removing what is gone is success, removing a folder is not', (t) =>
  withScratch(t, async (directory) => {
    const path = join(directory, 'a');
    writeFileSync(path, 'x');
    await removeIfPresent(path);
    await removeIfPresent(path);
    assert.deepEqual(readdirSync(directory), []);
    await assert.rejects(removeIfPresent(directory));
    assert.ok(statSync(directory).isDirectory());
  }));

test('the space of a disk is told in bytes', async () => {
  const { free, total } = await freeSpace('/');
  assert.ok(free > 0 && total >= free);
  await assert.rejects(freeSpace('/nowhere/at/all'), PermanentError);
});

test('a directory that is not there can not be made durable', async () => {
  await assert.rejects(syncDirectory('/nowhere/at/all'), PermanentError);
});

test('a relative path stays below its root, or is refused', () => {
  assert.equal(insideDirectory('/data', 'a/b c/-rf'), '/data/a/b c/-rf');
  assert.equal(insideDirectory('/data', 'a/../b'), '/data/b');
  assert.equal(insideDirectory('/data', '..a/b'), '/data/..a/b');
  for (const path of ['', '.', '..', '../x', 'a/../../x', '/etc/passwd', '/database/x', 'a\0b']) {
    assert.throws(() => insideDirectory('/data', path), PermanentError, JSON.stringify(path));
  }
});

test('a plain name is a name and nothing else', () => {
  for (const name of ['a.tar', 'unit_CHAI_001_0a1b.tar', 'A-1']) assert.equal(checkPlainName(name), name);
  for (const name of ['', '.', '..', 'a/b', '/a', '-rf', 'a\nb', 'a\0', 'a b', 'x'.repeat(256)]) {
    assert.throws(() => checkPlainName(name), PermanentError, JSON.stringify(name));
  }
});

test('what a call of the system did not take is written by the next, at its place', async () => {
  const content = randomBytes(1000);
  for (const position of [700, 'at the end'] as const) {
    const written: { data: Buffer; at: number | null }[] = [];
    const file = {
      write: (data: Buffer, offset: number, length: number, at: number | null) => {
        const bytesWritten = Math.min(length, 300);
        written.push({ data: Buffer.from(data.subarray(offset, offset + bytesWritten)), at });
        return Promise.resolve({ bytesWritten, buffer: data });
      },
    } as unknown as FileHandle;
    await writeAll(file, content, position);
    assert.ok(Buffer.concat(written.map(({ data }) => data)).equals(content));
    assert.deepEqual(
      written.map(({ at }) => at),
      position === 700 ? [700, 1000, 1300, 1600] : [null, null, null, null],
    );
  }
});
