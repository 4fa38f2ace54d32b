import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StorageError } from '../../src/core/exceptions.js';
import { bringWhole } from '../../src/core/staging/download.js';
import { fillDisk, withSmallDisk } from '../support/hostile-disk.js';
import { withScratch } from '../support/scratch.js';

const MIB = 1024 * 1024;

test('a disk that fills up in the last piece of a package is told as what it is, and the rest alone is fetched once there is space', (t) =>
  withScratch(t, (scratch) => {
    const disk = join(scratch, 'disk');
    return withSmallDisk(disk, 32 * MIB, async () => {
      const content = randomBytes(20 * MIB);
      const asked: number[] = [];
      const filler = join(disk, 'of-somebody-else');
      const source = {
        read: (offset: number, length: number) => {
          asked.push(offset);
          return Promise.resolve(content.subarray(offset, offset + length));
        },
      };
      const onProgress = (done: number) => {
        // Of the last piece, which begins at 16 MiB, a part still has room: the system takes that part, and says so.
        if (done !== 16 * MIB) return;
        fillDisk(filler, MIB);
      };
      const wanted = {
        source,
        bytes: content.length,
        sha256: createHash('sha256').update(content).digest('hex'),
      };
      const file = join(disk, 'package.tar');
      await assert.rejects(bringWhole({ ...wanted, onProgress }, file), (error: Error) => {
        assert.ok(error instanceof StorageError, String(error));
        assert.match(error.advice ?? '', /disk is full/);
        return true;
      });
      assert.ok(!readdirSync(disk).includes('package.tar'));

      rmSync(filler);
      asked.length = 0;
      await bringWhole(wanted, file);
      assert.ok(Math.min(...asked) >= 16 * MIB, `asked again from ${Math.min(...asked)} on`);
      assert.ok(readFileSync(file).equals(content));
    });
  }));
