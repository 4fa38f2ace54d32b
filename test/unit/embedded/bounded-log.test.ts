import assert from 'node:assert/strict';
import { appendFileSync, closeSync, existsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { lastLines, openLog, trimLog } from '../../../src/client/embedded/bounded-log.js';
import { withScratch } from '../../support/scratch.js';

describe('a log', () => {
  it('that has grown too long is put aside while a process goes on writing to it', (t) =>
    withScratch(t, async (scratch) => {
      const file = join(scratch, 'server.log');
      const descriptor = openLog(file);
      writeSync(descriptor, Buffer.alloc(9e6, 'x'));
      trimLog(file);
      assert.equal(existsSync(`${file}.1`), false);
      writeSync(descriptor, Buffer.alloc(2e6, 'x'));
      trimLog(file);
      assert.equal(statSync(`${file}.1`).size, 11e6);
      writeSync(descriptor, 'new\n');
      closeSync(descriptor);
      assert.equal(statSync(file).size, 4);
      await Promise.resolve();
    }));

  it('shows its last lines without control characters', (t) =>
    withScratch(t, async (scratch) => {
      const file = join(scratch, 'server.log');
      assert.deepEqual(lastLines(file), []);
      appendFileSync(file, `${'a\n'.repeat(5000)}one\n\u001b[31mred\n`);
      assert.deepEqual(lastLines(file), ['a', 'a', 'a', 'one', '\\u001b[31mred']);
      await Promise.resolve();
    }));
});
