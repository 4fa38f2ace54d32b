import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DestinationFileExistsError, PermanentError } from '../../../src/core/exceptions.js';
import { getS3KeyForFile } from '../../../src/core/storage/archive-layout.js';
import { calculateChecksum } from '../../../src/core/utilities/checksum.js';
import { createLocalFolder } from '../../../src/core/utilities/folders.js';
import { withScratch } from '../../support/scratch.js';

test('a checksum is the one that other programs find, also of an empty and of a large file', async (t) => {
  await withScratch(t, async (scratch) => {
    for (const bytes of [0, 1, 5_000_001]) {
      const file = join(scratch, `${bytes} 'bytes'`);
      writeFileSync(file, Buffer.alloc(bytes, 'fits'));
      for (const algorithm of ['sha256', 'sha512', 'md5'] as const) {
        const [expected] = execFileSync(`${algorithm}sum`, ['-z', file], { encoding: 'utf8' }).split(' ');
        assert.equal(await calculateChecksum(file, algorithm), expected);
      }
    }
  });
});

test('a checksum of a missing file fails for good, and one that is aborted with the reason', async (t) => {
  await withScratch(t, async (scratch) => {
    await assert.rejects(calculateChecksum(join(scratch, 'none')), PermanentError);
    const file = join(scratch, 'a.fits');
    writeFileSync(file, 'SIMPLE');
    const signal = AbortSignal.abort(new Error('enough'));
    await assert.rejects(calculateChecksum(file, 'sha256', { signal }), /enough/);
  });
});

test('a folder is made once, with those above it, and a file is never taken for one', async (t) => {
  await withScratch(t, async (scratch) => {
    const folder = join(scratch, 'a b', '$(c)', '-d');
    await createLocalFolder(folder);
    await createLocalFolder(folder);
    assert.ok(existsSync(folder));
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(createLocalFolder(join(folder, 'file')), DestinationFileExistsError);
    await assert.rejects(createLocalFolder(join(folder, 'file', 'below')), PermanentError);
  });
});

test('the key of a file is made of safe characters, and of each path there is one', () => {
  const keys = ['day 1/a.fits', 'day%201/a.fits', 'ü/a#b?.fits', 'day 1/b.fits'].map((path) =>
    getS3KeyForFile('CHAI/2026/04/orion.tar', path),
  );
  assert.equal(keys[0], 'CHAI/2026/04/orion/day%201/a.fits');
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) assert.match(key, /^[A-Za-z0-9/._%-]+$/);
  assert.throws(() => getS3KeyForFile('CHAI/2026/04/orion.tar', 'ü'.repeat(300)), PermanentError);
});
