import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PackageError, PermanentError, StorageError } from '../../../src/core/exceptions.js';
import { PackageOutput } from '../../../src/core/package/package-output.js';
import type { SourceEntry } from '../../../src/core/package/package-result.js';
import { verifyPackage } from '../../../src/core/package/verify-package.js';
import { freeSpace } from '../../../src/core/utilities/disk.js';
import { withSmallDisk } from '../../support/hostile-disk.js';
import { withScratch } from '../../support/scratch.js';
import { readTree } from '../../support/tree.js';
import { folders, kinds, pack, scan, unpack, withoutRights } from './support.js';

/** Much more than the packers are ahead of what is told: a file of it is in work when the first progress is. */
const LARGE = 40_000_000;

/** Runs something once, when the first byte of the first file has been read but not the last. */
function onFirstProgress(run: () => void): () => void {
  let first = true;
  return () => {
    if (first) run();
    first = false;
  };
}

const spoilers: { what: string; spoil: (path: string) => void; kind: string }[] = [
  { what: 'grows', spoil: (path) => appendFileSync(path, 'more'), kind: 'changed' },
  { what: 'shrinks', spoil: (path) => truncateSync(path, 100), kind: 'changed' },
  { what: 'is written over', spoil: (path) => writeFileSync(path, 'y'.repeat(LARGE)), kind: 'changed' },
];

for (const { what, spoil, kind } of spoilers) {
  test(`a file that ${what} while it is read is taken out, and the rest is whole`, async (t) => {
    await withScratch(t, async (directory) => {
      const { source, destination } = folders(directory);
      writeFileSync(join(source, 'a'), 'x'.repeat(LARGE));
      for (const name of ['b', 'c']) writeFileSync(join(source, name), name.repeat(300_000));
      const progress: number[] = [];
      const spoilOnce = onFirstProgress(() => spoil(join(source, 'a')));
      const result = await pack(source, destination, {
        onProgress: (bytes) => {
          progress.push(bytes);
          spoilOnce();
        },
      });
      assert.deepEqual(kinds(result.refused), [`a: ${kind}`]);
      assert.deepEqual(
        result.members.map(({ path }) => path),
        ['b', 'c'],
      );
      assert.ok((await verifyPackage({ file: destination, ...result })).ok);
      assert.deepEqual(readdirSync(join(unpack(destination, join(directory, 'out')), 'data')), ['b', 'c']);
      assert.deepEqual(
        progress,
        progress.toSorted((one, other) => one - other),
      );
      assert.equal(progress.at(-1), LARGE + 600_000);
    });
  });
}

test('entries that are no longer what the scan saw are refused, each for its reason', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    const secret = join(directory, 'secret');
    mkdirSync(secret);
    for (const folder of [source, secret]) writeFileSync(join(folder, 'inner'), 'inner');
    for (const name of ['gone', 'rewritten', 'now a link', 'now a fifo', 'now a folder', 'same'])
      writeFileSync(join(source, name), name);
    for (const name of ['swapped', 'filled', 'moved away']) mkdirSync(join(source, name));
    writeFileSync(join(source, 'swapped', 'inner'), 'inner');
    symlinkSync('nowhere', join(source, 'swapped', 'link'));
    mkdirSync(join(source, 'swapped', 'empty'));
    symlinkSync('nowhere', join(source, 'link to other'));
    const { entries } = await scan(source);

    for (const name of ['gone', 'now a link', 'now a fifo', 'now a folder', 'link to other'])
      rmSync(join(source, name));
    writeFileSync(join(source, 'rewritten'), 'rewritTEN');
    symlinkSync(join(secret, 'inner'), join(source, 'now a link'));
    execFileSync('mkfifo', [join(source, 'now a fifo')]);
    mkdirSync(join(source, 'now a folder'));
    symlinkSync('elsewhere', join(source, 'link to other'));
    writeFileSync(join(source, 'filled', 'file'), '');
    rmSync(join(source, 'moved away'), { recursive: true });
    // The very files of the scan, but by way of a link that leads out of the source.
    renameSync(join(source, 'swapped'), join(secret, 'swapped'));
    symlinkSync(join(secret, 'swapped'), join(source, 'swapped'));

    const result = await pack(source, destination, { entries });
    assert.deepEqual(kinds(result.refused), [
      'filled: changed',
      'gone: vanished',
      'link to other: changed',
      'moved away: vanished',
      'now a fifo: changed',
      'now a folder: changed',
      'now a link: changed',
      'rewritten: changed',
      'swapped/empty: changed',
      'swapped/inner: changed',
      'swapped/link: changed',
    ]);
    assert.deepEqual(
      result.members.map(({ path }) => path),
      ['inner', 'same'],
    );
    unpack(destination, join(directory, 'out'));
  });
});

test('a large file reached through a link that replaced its folder is refused', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    mkdirSync(join(source, 'folder'));
    writeFileSync(join(source, 'folder', 'large'), 'x'.repeat(LARGE));
    const { entries } = await scan(source);
    renameSync(join(source, 'folder'), join(directory, 'folder'));
    symlinkSync(join(directory, 'folder'), join(source, 'folder'));
    assert.deepEqual(kinds((await pack(source, destination, { entries })).refused), [
      'folder/large: changed',
    ]);
  });
});

test('files that may not be read are refused, small or large', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    mkdirSync(join(source, 'closed'));
    for (const [name, size] of Object.entries({ open: 5, 'closed/small': 5, 'closed/large': LARGE }))
      writeFileSync(join(source, name), 'x'.repeat(size));
    const { entries } = await scan(source);
    const result = await withoutRights(join(source, 'closed'), () => pack(source, destination, { entries }));
    assert.deepEqual(kinds(result.refused), ['closed/large: unreadable', 'closed/small: unreadable']);
    assert.equal(result.fileCount, 1);
  });
});

test('a package whose files have all gone is still a bag, an empty one', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    writeFileSync(join(source, 'only'), 'x');
    const { entries } = await scan(source);
    renameSync(join(source, 'only'), join(source, 'other'));
    const result = await pack(source, destination, { entries });
    assert.deepEqual([result.members, result.fileCount, result.refused.length], [[], 0, 1]);
    assert.ok((await verifyPackage({ file: destination, ...result })).ok);
  });
});

test('a source that goes away as a whole is waited for, its files are not given up', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, buffer, destination } = folders(directory);
    for (const name of ['a', 'b']) writeFileSync(join(source, name), 'x'.repeat(LARGE));
    const { entries } = await scan(source);
    const unmount = onFirstProgress(() => {
      renameSync(source, `${source}.away`);
      mkdirSync(source);
    });
    await assert.rejects(pack(source, destination, { entries, onProgress: unmount }), StorageError);
    // Nor where only the empty mount point was there from the start.
    await assert.rejects(pack(source, destination, { entries }), StorageError);
    assert.deepEqual(readdirSync(buffer), []);
    await assert.rejects(pack(join(source, 'nowhere'), destination, { entries }), StorageError);
  });
});

test('what is finished is not made again; what lacks its result or its size is', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    writeFileSync(join(source, 'file'), 'content');
    const { entries } = await scan(source);
    writeFileSync(join(source, 'later'), '');
    const first = await pack(source, destination, { entries });
    const made = statSync(destination).ino;
    rmSync(join(source, 'file'));
    assert.deepEqual(await pack(source, destination, { entries }), first);
    assert.equal(statSync(destination).ino, made);

    truncateSync(destination, 1000);
    assert.equal((await pack(source, destination, { entries })).fileCount, 0);
    rmSync(`${destination}.result.json`);
    const again = await pack(source, destination, { entries });
    assert.deepEqual(JSON.parse(readFileSync(`${destination}.result.json`, 'utf8')), again);
  });
});

test('being stopped in the middle leaves nothing behind', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, buffer, destination } = folders(directory);
    for (const name of ['a', 'b']) writeFileSync(join(source, name), 'x'.repeat(LARGE));
    const stop = new AbortController();
    const reason = new Error('stop');
    const stopping = pack(source, destination, {
      signal: stop.signal,
      onProgress: onFirstProgress(() => stop.abort(reason)),
    });
    await assert.rejects(stopping, reason);
    assert.deepEqual(readdirSync(buffer), []);
  });
});

test('two attempts at once leave one package that fits its result', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, buffer, destination } = folders(directory);
    for (const name of ['a', 'b']) writeFileSync(join(source, name), 'x'.repeat(LARGE));
    const attempts = await Promise.allSettled([pack(source, destination), pack(source, destination)]);
    const made = attempts.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    assert.ok(made.length > 0);
    for (const result of made) assert.ok((await verifyPackage({ file: destination, ...result })).ok);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') assert.ok(attempt.reason instanceof StorageError);
    assert.deepEqual(readdirSync(buffer).sort(), ['bag.tar', 'bag.tar.result.json']);
  });
});

test('what crashed attempts left is cleared, what belongs to other packages is not', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, buffer, destination } = folders(directory);
    writeFileSync(join(source, 'file'), '');
    for (const name of ['bag.tar.aaaa.part', '.bag.tar.result.json.bbbb.part', 'other.tar.aaaa.part'])
      writeFileSync(join(buffer, name), '');
    await pack(source, destination);
    assert.deepEqual(readdirSync(buffer).sort(), ['bag.tar', 'bag.tar.result.json', 'other.tar.aaaa.part']);
  });
});

test('an attempt that was given up and goes on all the same publishes nothing', async (t) => {
  await withScratch(t, async (directory) => {
    const { buffer, destination } = folders(directory);
    const givenUp = await PackageOutput.create(destination);
    await givenUp.append(Buffer.from('old'));
    const successor = await PackageOutput.create(destination);
    await successor.append(Buffer.from('new'));
    await assert.rejects(givenUp.publish(), StorageError);
    await givenUp.discard();
    await successor.publish();
    assert.equal(readFileSync(destination, 'utf8'), 'new');
    assert.deepEqual(readdirSync(buffer), ['bag.tar']);
  });
});

test('a disk without room is told before a byte is written, and one that is too small as permanent', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, buffer, destination } = folders(directory);
    const { free, total } = await freeSpace(buffer);
    const entryOf = (size: number): SourceEntry => ({
      path: 'a',
      kind: 'file',
      size,
      mtimeNs: '0',
      ctimeNs: '0',
    });
    await assert.rejects(
      pack(source, destination, { entries: [entryOf(Math.floor((free + total) / 2))] }),
      (error: unknown) => {
        assert.ok(error instanceof StorageError && error.advice);
        assert.ok(Number(error.context.neededBytes) > Number(error.context.freeBytes));
        return error.subject === buffer;
      },
    );
    await assert.rejects(pack(source, destination, { entries: [entryOf(total)] }), PermanentError);
    assert.deepEqual(readdirSync(buffer), []);
  });
});

test('a disk that fills up while a package is written fails for now, with the figures, and is left clean', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    for (const name of ['a', 'b']) writeFileSync(join(source, name), 'x'.repeat(LARGE));
    const disk = join(directory, 'disk');
    await withSmallDisk(disk, 3 * LARGE, async () => {
      const fill = onFirstProgress(() => writeFileSync(join(disk, 'other'), 'x'.repeat(2 * LARGE)));
      await assert.rejects(pack(source, join(disk, 'bag.tar'), { onProgress: fill }), (error: unknown) => {
        assert.ok(error instanceof StorageError && error.advice && error.retryAfterSeconds);
        return Number(error.context.neededBytes) > 2 * LARGE && typeof error.context.freeBytes === 'number';
      });
      assert.deepEqual(readdirSync(disk), ['other']);
      rmSync(join(disk, 'other'));
      assert.equal((await pack(source, join(disk, 'bag.tar'))).fileCount, 2);
    });
  });
});

test('paths and names that could lead elsewhere are refused', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, buffer, destination } = folders(directory);
    const entry: SourceEntry = { path: '', kind: 'file', size: 0, mtimeNs: '0', ctimeNs: '0' };
    for (const path of [
      '',
      '/etc/passwd',
      '../x',
      'a/../../x',
      'a//b',
      './a',
      'a/',
      'a%00',
      '%2E%2E/x',
      '..%2Fx',
    ]) {
      await assert.rejects(pack(source, destination, { entries: [{ ...entry, path }] }), PackageError, path);
    }
    for (const name of ['', '.', '..', 'a/b', 'x'.repeat(256)])
      await assert.rejects(pack(source, destination, { entries: [], name }), PackageError);
    assert.deepEqual(readdirSync(buffer), []);
  });
});

test('the source is left as it was', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    writeFileSync(join(source, 'file'), 'x'.repeat(LARGE));
    const before = readTree(source);
    const result = await pack(source, destination);
    assert.deepEqual(readTree(source), before);
    assert.equal(
      result.members[0]?.ctimeNs,
      statSync(join(source, 'file'), { bigint: true }).ctimeNs.toString(),
    );
    assert.equal(readFileSync(`${destination}.result.json`, 'utf8').includes(directory), false);
  });
});
