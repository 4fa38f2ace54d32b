import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ArchiveCorruptionError, PermanentError } from '../../../src/core/exceptions.js';
import { unpackInto, unpackLocal } from '../../../src/core/package/unpack-local.js';
import type { ExpectedMember } from '../../../src/core/package/unpacker.js';
import { fetchMembers } from '../../../src/core/staging/fetch-package.js';
import { END_OF_ARCHIVE, padding, tarHeader } from '../../../src/core/utilities/tar-writer.js';
import { withScratch } from '../../support/scratch.js';
import { buildTree } from '../../support/weird-tree.js';
import { folders, pack } from './support.js';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

interface Entry {
  path: string;
  kind?: 'file' | 'symlink' | 'directory';
  content?: string;
  linkTarget?: string;
}

/** A tar of entries that may be anything, and what would be expected of an honest one with the same files. */
function tarOf(...entries: Entry[]): Buffer {
  const parts = entries.flatMap(({ path, kind = 'file', content = '', linkTarget }) => {
    const bytes = Buffer.from(kind === 'file' ? content : '');
    const header = tarHeader({
      path: Buffer.from(path).toString('latin1'),
      kind,
      size: bytes.length,
      mode: 0o644,
      mtime: 1_700_000_000n,
      ...(linkTarget !== undefined && { linkTarget: Buffer.from(linkTarget).toString('latin1') }),
    });
    return [header, bytes, padding(bytes.length)];
  });
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

const file = (path: string, content: string): ExpectedMember => ({
  path,
  kind: 'file',
  size: Buffer.byteLength(content),
  sha256: sha256(Buffer.from(content)),
});
const link = (path: string): ExpectedMember => ({ path, kind: 'symlink', size: 0 });

interface Place {
  directory: string;
  target: string;
  unpack: (tar: Buffer, wanted: ExpectedMember[], digest?: string) => ReturnType<typeof unpackInto>;
}

function inPlace(t: TestContext, act: (place: Place) => Promise<void>): Promise<void> {
  return withScratch(t, async (directory) => {
    const [target, scratch, tarFile] = [
      join(directory, 'target'),
      join(directory, 'scratch'),
      join(directory, 'bag.tar'),
    ];
    mkdirSync(target);
    mkdirSync(scratch);
    await act({
      directory,
      target,
      unpack: (tar, wanted, digest = sha256(tar)) => {
        writeFileSync(tarFile, tar);
        return unpackInto({ file: tarFile, bytes: tar.length, sha256: digest, wanted, target, scratch });
      },
    });
    assert.deepEqual(readdirSync(scratch), [], 'nothing half done is left');
  });
}

test('names that lead out of the folder are refused, whatever else is in the tar', (t) =>
  inPlace(t, async ({ directory, target, unpack }) => {
    const bad = [
      'bag/data/../../evil',
      'bag/../evil',
      '/bag/data/evil',
      '../evil',
      'bag/data//evil',
      'bag/data/./evil',
      'other/data/evil',
      'bag/data/',
    ];
    for (const path of bad) {
      const tar = tarOf({ path: 'bag/data/good', content: 'good' }, { path, content: 'evil' });
      const { mismatches } = await unpack(tar, [file('good', 'good'), file('evil', 'evil')]);
      assert.notDeepEqual(mismatches, [], path);
    }
    assert.deepEqual(
      readdirSync(target).filter((name) => name !== 'good'),
      [],
    );
    assert.ok(!existsSync(join(directory, 'evil')));
    for (const path of ['../evil', '/evil', 'a/../../evil'])
      await assert.rejects(async () => {
        const { mismatches } = await unpack(tarOf({ path: `bag/data/${path}`, content: 'x' }), [
          file(path, 'x'),
        ]);
        throw new PermanentError(mismatches.join());
      });
    assert.ok(!existsSync(join(directory, 'evil')));
  }));

test('links that lead out are written and never followed, neither those of the tar nor those that lie in the way', (t) =>
  inPlace(t, async ({ directory, target, unpack }) => {
    mkdirSync(join(directory, 'outside'));
    const tar = tarOf(
      { path: 'bag/data/out', kind: 'symlink', linkTarget: '../outside' },
      { path: 'bag/data/out/file', content: 'x' },
    );
    await assert.rejects(unpack(tar, [link('out'), file('out/file', 'x')]), PermanentError);
    assert.equal(readlinkSync(join(target, 'out')), '../outside');
    symlinkSync('../outside', join(target, 'folder'));
    await assert.rejects(
      unpack(tarOf({ path: 'bag/data/folder/file', content: 'x' }), [file('folder/file', 'x')]),
      /is no folder/,
    );
    assert.deepEqual(readdirSync(join(directory, 'outside')), []);
  }));

test('what is damaged, doubled, cut off or more than a tar is told, and no damaged file gets a name', (t) =>
  inPlace(t, async ({ target, unpack }) => {
    const wanted = [file('a', 'first'), file('b', 'second')];
    const [a, b] = [
      { path: 'bag/data/a', content: 'first' },
      { path: 'bag/data/b', content: 'second' },
    ];
    const honest = tarOf(a, b);
    assert.deepEqual((await unpack(honest, wanted)).mismatches, []);
    const tars: [string, Buffer, RegExp][] = [
      ['damaged', tarOf(a, { ...b, content: 'sEcond' }), /b has another SHA-256/],
      ['of another size', tarOf(a, { ...b, content: 'longer than that' }), /b is a file of 16 bytes/],
      ['doubled', tarOf(a, b, { ...b, content: 'sEcond' }), /SHA-256/],
      ['missing', tarOf(a), /b is missing/],
      ['cut off', honest.subarray(0, 1600), /bytes/],
      ['with more behind', Buffer.concat([honest, Buffer.from('more')]), /after its end/],
      [
        'a link instead',
        tarOf(a, { path: 'bag/data/b', kind: 'symlink', linkTarget: 'a' }),
        /instead of a file/,
      ],
    ];
    for (const [name, tar, message] of tars) {
      const { mismatches } = await unpack(tar, wanted, sha256(honest));
      assert.match(mismatches.join('; '), message, name);
      assert.equal(readFileSync(join(target, 'b'), 'utf8'), 'second', name);
      assert.ok(!lstatSync(join(target, 'b')).isSymbolicLink(), name);
    }
  }));

test('unpackLocal gives the tree that was packaged, whole or not at all', (t) =>
  withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    buildTree(source, { files: 60, seed: 7, bigFiles: [3_000_000] });
    const { members, bytes, sha256: digest } = await pack(source, destination);
    const target = join(directory, 'unpacked');
    await assert.rejects(
      unpackLocal({ file: destination, bytes, sha256: 'f'.repeat(64), wanted: members, target }),
      ArchiveCorruptionError,
    );
    assert.ok(!existsSync(target));
    const made = await unpackLocal({ file: destination, bytes, sha256: digest, wanted: members, target });
    assert.equal(made.files, members.filter((one) => one.kind === 'file').length);
    for (const { path } of members.filter((one) => one.kind === 'file' && !one.path.includes('%')))
      execFileSync('cmp', [join(source, path), join(target, path)]);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith('.')),
      [],
    );
  }));

test('an interrupted fetch goes on where its partial file ends', (t) =>
  inPlace(t, async ({ directory, target }) => {
    const content = 'x'.repeat(20_000_000);
    const tar = tarOf({ path: 'bag/data/big', content });
    const asked: number[] = [];
    let broken = true;
    const source = {
      read: (offset: number, length: number) => {
        asked.push(offset);
        if (broken && offset >= 16 * 1024 * 1024) return Promise.reject(new PermanentError('cut'));
        return Promise.resolve(tar.subarray(offset, offset + length));
      },
    };
    const work = join(directory, 'scratch', 'work');
    const fetch = () =>
      fetchMembers({
        source,
        bytes: tar.length,
        sha256: sha256(tar),
        missing: [file('big', content)],
        target,
        work,
        reserveBytes: 0,
      });
    await assert.rejects(fetch(), /cut/);
    broken = false;
    asked.length = 0;
    assert.deepEqual(await fetch(), []);
    assert.ok(Math.min(...asked) > 0, 'what was there is not asked for again');
    assert.equal(readFileSync(join(target, 'big'), 'utf8'), content);
    execFileSync('rm', ['-r', work]);
  }));
