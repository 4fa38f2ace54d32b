import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FileLock, tryLock } from '../../../src/client/embedded/file-lock.js';
import { ownIdentity } from '../../../src/client/embedded/process-identity.js';
import { withScratch } from '../../support/scratch.js';

/** The lock of a process that has ended. */
function writeDeadHolder(path: string, number: number): void {
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const holder = {
    pid,
    startTime: 'long ago',
    command: 'x',
    since: new Date().toISOString(),
    state: 'running',
  };
  writeFileSync(`${path}.${number}`, JSON.stringify(holder));
}

describe('a lock', () => {
  it('of a dead holder goes to exactly one of many that want it', (t) =>
    withScratch(t, async (scratch) => {
      for (let round = 0; round < 20; round += 1) {
        const path = join(scratch, String(round), 'lock');
        mkdirSync(join(scratch, String(round)));
        writeDeadHolder(path, 7);
        const outcomes = await Promise.all(Array.from({ length: 20 }, () => tryLock(path)));
        assert.equal(outcomes.filter((outcome) => outcome instanceof FileLock).length, 1);
        assert.deepEqual(readdirSync(join(scratch, String(round))), ['lock.8']);
      }
    }));

  it('is told with its holder, and is free again after its release', (t) =>
    withScratch(t, async (scratch) => {
      const path = join(scratch, 'lock');
      const lock = await tryLock(path);
      assert.ok(lock instanceof FileLock);
      const refused = await tryLock(path);
      assert.ok(!(refused instanceof FileLock));
      assert.deepEqual([refused.pid, refused.state], [process.pid, 'running']);
      await lock.markStopping();
      const leaving = await tryLock(path);
      assert.ok(!(leaving instanceof FileLock));
      assert.equal(leaving.state, 'stopping');
      await lock.release();
      assert.ok((await tryLock(path)) instanceof FileLock);
    }));

  it('does not belong to another process that was given the number of its dead holder', (t) =>
    withScratch(t, async (scratch) => {
      const path = join(scratch, 'lock');
      const other = { ...ownIdentity(), startTime: 'before', command: '', since: '', state: 'running' };
      writeFileSync(`${path}.1`, JSON.stringify(other));
      assert.ok((await tryLock(path)) instanceof FileLock);
    }));

  it('whose file a crash of the machine left empty is free', (t) =>
    withScratch(t, async (scratch) => {
      const path = join(scratch, 'lock');
      writeFileSync(`${path}.3`, '');
      assert.ok((await tryLock(path)) instanceof FileLock);
    }));
});
