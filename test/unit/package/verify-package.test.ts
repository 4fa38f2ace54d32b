import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { PermanentError } from '../../../src/core/exceptions.js';
import { BagCheck } from '../../../src/core/package/bag-check.js';
import { DECLARATION, manifestLine } from '../../../src/core/package/bag.js';
import { verifyPackage, type Verification } from '../../../src/core/package/verify-package.js';
import { END_OF_ARCHIVE, padding, tarHeader } from '../../../src/core/utilities/tar-writer.js';
import { withScratch } from '../../support/scratch.js';
import { folders, pack } from './support.js';

/** A small package of three files and a link, as bytes. */
async function smallPackage(
  directory: string,
): Promise<{ tar: Buffer; bytes: number; sha256: string; destination: string }> {
  const { source, destination } = folders(directory);
  for (const name of ['a', 'b\nb', 'ü']) writeFileSync(join(source, name), `content of ${name}`.repeat(100));
  const { bytes, sha256 } = await pack(source, destination);
  return { tar: readFileSync(destination), bytes, sha256, destination };
}

/** What is wrong with the members of a bag. */
function checkBag(tar: Buffer): string[] {
  const bag = new BagCheck();
  for (const piece of [tar.subarray(0, 1000), tar.subarray(1000)]) bag.push(piece);
  return bag.end();
}

/** Puts these bytes in the place of a package. */
function verifyBytes(
  tar: Buffer,
  expected: { destination: string; bytes: number; sha256: string },
): Promise<Verification> {
  writeFileSync(expected.destination, tar);
  return verifyPackage({ file: expected.destination, ...expected });
}

function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Checks a bag with one member and these manifests. */
function bagOf(parts: {
  member?: string;
  manifest?: string;
  tagManifest?: string;
  folder?: string;
  extra?: Buffer;
}): string[] {
  const manifest = parts.manifest ?? line('data/a', 'hello');
  const tags = { 'bagit.txt': DECLARATION, 'manifest-sha256.txt': manifest };
  const tagManifest =
    parts.tagManifest ??
    Object.entries(tags)
      .map(([name, text]) => line(name, text))
      .join('');
  const files = { 'data/a': parts.member ?? 'hello', ...tags, 'tagmanifest-sha256.txt': tagManifest };
  const entries = Object.entries(files).map(([name, text]) => file(`${parts.folder ?? 'bag'}/${name}`, text));
  return checkBag(Buffer.concat([...entries, parts.extra ?? Buffer.alloc(0), END_OF_ARCHIVE]));
}

function file(path: string, text: string): Buffer {
  const content = Buffer.from(text);
  const header = tarHeader({
    path: Buffer.from(path).toString('latin1'),
    kind: 'file',
    size: content.length,
    mode: 0o644,
    mtime: 0n,
  });
  return Buffer.concat([header, content, padding(content.length)]);
}

function line(path: string, text: string): string {
  return manifestLine(sha256Of(text), Buffer.from(path)).toString();
}

test('a whole package is found whole in one reading', async (t) => {
  await withScratch(t, async (directory) => {
    const { tar, bytes, sha256, destination } = await smallPackage(directory);
    const progress: number[] = [];
    assert.deepEqual(
      await verifyPackage({ file: destination, bytes, sha256, onProgress: (done) => progress.push(done) }),
      { ok: true, mismatches: [] },
    );
    assert.deepEqual(progress, [bytes]);
    assert.deepEqual(checkBag(tar), []);
  });
});

test('one flipped bit anywhere is found', async (t) => {
  await withScratch(t, async (directory) => {
    const { tar, ...expected } = await smallPackage(directory);
    const place = fc.integer({ min: 0, max: tar.length - 1 });
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 0, max: 7 }), async (at, bit) => {
        const damaged = Buffer.from(tar);
        damaged[at]! ^= 1 << bit;
        const verdict = await verifyBytes(damaged, expected);
        assert.equal(verdict.ok, false);
        assert.ok(verdict.mismatches.length > 0);
      }),
      { numRuns: 200 },
    );
  });
});

test('a package that is cut off, too long, empty or no tar at all is an answer, not an error', async (t) => {
  await withScratch(t, async (directory) => {
    const { tar, ...expected } = await smallPackage(directory);
    const damaged = [
      tar.subarray(0, -1),
      tar.subarray(0, 700),
      Buffer.concat([tar, Buffer.alloc(512)]),
      Buffer.alloc(0),
      Buffer.alloc(expected.bytes, 'x'),
    ];
    for (const bytesOfIt of damaged) assert.equal((await verifyBytes(bytesOfIt, expected)).ok, false);
  });
});

test('of a damaged package the member that differs is named', async (t) => {
  await withScratch(t, async (directory) => {
    const { tar, ...expected } = await smallPackage(directory);
    tar[tar.indexOf('content of a') + 20]! ^= 1;
    const { ok, mismatches } = await verifyBytes(tar, expected);
    assert.equal(ok, false);
    assert.match(mismatches[0] ?? '', /^The package's SHA-256 is [0-9a-f]{64}, it must be [0-9a-f]{64}$/);
    assert.match(
      mismatches[1] ?? '',
      /^data\/a has the SHA-256 [0-9a-f]{64}, manifest-sha256\.txt says [0-9a-f]{64}$/,
    );
    assert.equal(mismatches.length, 2);
  });
});

test('members that are missing, too many, twice, or not what a package may hold are told', () => {
  assert.deepEqual(bagOf({}), []);
  const both = line('data/a', 'hello') + line('data/b\nb', '');
  const cases: [Parameters<typeof bagOf>[0], RegExp][] = [
    [{ manifest: both }, /^data\/b\\nb is missing$/],
    [{ manifest: '' }, /^data\/a is not in manifest-sha256\.txt$/],
    [{ extra: file('bag/data/z', '') }, /^data\/z is not in manifest-sha256\.txt$/],
    [{ extra: file('bag/note.txt', '') }, /^note\.txt is not in tagmanifest-sha256\.txt$/],
    [{ extra: file('bag/data/a', 'hello') }, /data\/a is in it twice/],
    [{ extra: file('other/data/z', '') }, /other\/data\/z is not in the bag's folder/],
    [{ extra: file('bag/data/../../z', '') }, /no path of a bag/],
    [{ manifest: 'nonsense\n' }, /manifest-sha256\.txt has a line/],
    [{ manifest: line('data/a', 'hello').trim() }, /ends in the middle of a line/],
    [{ tagManifest: '' }, /bagit\.txt is not in tagmanifest-sha256\.txt/],
  ];
  for (const [parts, expected] of cases) {
    assert.match(bagOf(parts).join('; '), expected);
  }
});

test('a package that can not be read is an error of the disk', async (t) => {
  await withScratch(t, async (directory) => {
    await assert.rejects(
      verifyPackage({ file: join(directory, 'nowhere.tar'), bytes: 1, sha256: '' }),
      PermanentError,
    );
  });
});

test('a check stops when asked to', async (t) => {
  await withScratch(t, async (directory) => {
    const { destination, bytes, sha256 } = await smallPackage(directory);
    const reason = new Error('stop');
    await assert.rejects(
      verifyPackage({ file: destination, bytes, sha256, signal: AbortSignal.abort(reason) }),
      reason,
    );
  });
});
