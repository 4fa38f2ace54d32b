import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AppendedFile } from '../../../src/core/utilities/appended-file.js';
import { ALIGNMENT, DirectFile } from '../../../src/core/utilities/direct-file.js';
import { throughFile } from '../../../src/core/utilities/shared-blocks.js';
import { sharedBlock } from '../../../src/core/utilities/shared-memory.js';
import { letsPastTheCache } from '../../support/direct-disk.js';
import { withScratch } from '../../support/scratch.js';

const MIB = 1024 * 1024;
const { O_RDWR, O_CREAT } = constants;
/** On whatever disk the scratch folder is, and in memory, which is no disk. */
async function onDisks(t: TestContext, run: (folder: string) => Promise<void>): Promise<void> {
  await withScratch(t, run);
  const inMemory = mkdtempSync('/dev/shm/cdt-test-');
  try {
    await run(inMemory);
  } finally {
    rmSync(inMemory, { recursive: true });
  }
}

const randomBlock = (bytes: number) => {
  const block = sharedBlock(bytes);
  randomBytes(bytes).copy(block);
  return block;
};

test('what is written anywhere, from anywhere in memory, is there, and is read alike', (t) =>
  onDisks(t, async (folder) => {
    const path = join(folder, 'file');
    const file = await DirectFile.open(path, O_RDWR | O_CREAT);
    let model = Buffer.alloc(0);
    const memory = randomBlock(4 * MIB);
    for (let i = 0; i < 200; i += 1) {
      const odd = i % 3 === 0;
      const position = odd ? randomInt(3 * MIB) : ALIGNMENT * randomInt(700) + (i % 2 ? 17 : 0);
      // As far from a border in memory as in the file, or not.
      const from = odd ? randomInt(MIB) : ALIGNMENT * randomInt(256) + (position % ALIGNMENT);
      const bytes = memory.subarray(from, from + randomInt(2 * MIB));
      const end = position + bytes.length;
      if (end > model.length) model = Buffer.concat([model, Buffer.alloc(end - model.length)]);
      bytes.copy(model, position);
      await file.write(bytes, position);
    }
    assert.ok(readFileSync(path).equals(model));
    const into = sharedBlock(MIB);
    for (const at of [0, 17, ALIGNMENT, 2 * MIB, model.length - 5, model.length - MIB]) {
      const wanted = model.subarray(at, at + MIB);
      assert.equal(await file.read(into, at), wanted.length);
      assert.ok(into.subarray(0, wanted.length).equals(wanted), `from ${at} on`);
    }
    assert.equal(await file.read(into, model.length), 0);
    await file.close();
  }));

test('where a disk lets them, bytes pass by the cache', async (t) => {
  await withScratch(t, async (folder) => {
    if (!letsPastTheCache(folder)) {
      t.skip('the scratch folder is on a file system of another kind');
      return;
    }
    const file = await DirectFile.open(join(folder, 'file'), O_RDWR | O_CREAT);
    const block = randomBlock(MIB);
    await file.write(block, 0);
    const again = sharedBlock(MIB);
    assert.equal(await file.read(again, 0), MIB);
    assert.ok(again.equals(block));
    assert.ok(file.isDirect, 'the file system refused what it lets others do');
    await file.close();
  });
});

test('where it does not, at the first bytes or from the start, they go through it', async (t) => {
  await withScratch(t, async (folder) => {
    const path = join(folder, 'file');
    // Memory that begins anywhere: most disks refuse it.
    const anywhere = randomBytes(MIB + 32).subarray(0, MIB);
    const file = await DirectFile.open(path, O_RDWR | O_CREAT);
    await Promise.all([file.write(anywhere, 0), file.write(anywhere, MIB)]);
    assert.ok(readFileSync(path).equals(Buffer.concat([anywhere, anywhere])));
    await file.close();
  });
  const zeros = await DirectFile.open('/dev/zero');
  assert.ok(!zeros.isDirect);
  const block = randomBlock(MIB);
  assert.equal(await zeros.read(block, 0), MIB);
  assert.ok(block.every((byte) => byte === 0));
  await zeros.close();
});

test('a file is appended to in pieces of any length, and cut back to any of them', (t) =>
  onDisks(t, async (folder) => {
    const path = join(folder, 'file');
    const file = await AppendedFile.create(path, 0o640);
    let model = Buffer.alloc(0);
    const append = async (length: number) => {
      const bytes = randomBytes(length);
      model = Buffer.concat([model, bytes]);
      await file.append(bytes);
      assert.equal(file.bytes, model.length);
    };
    const cutBack = async (bytes: number) => {
      model = model.subarray(0, bytes);
      await file.cutBack(bytes);
    };
    for (const length of [1, 511, 3 * MIB, MIB - 512, MIB, 5 * MIB + 3]) await append(length);
    await cutBack(model.length - 2);
    await append(100);
    await cutBack(2 * MIB + 77);
    await append(MIB);
    await cutBack(4096);
    for (const length of [512, 4 * MIB, 1000]) await append(length);
    await file.finish();
    await file.close();
    await file.close();
    assert.ok(readFileSync(path).equals(model));
  }));

test('a file is made once', (t) =>
  withScratch(t, async (folder) => {
    const path = join(folder, 'file');
    writeFileSync(path, 'of somebody else');
    await assert.rejects(AppendedFile.create(path, 0o640), { code: 'EEXIST' });
    assert.equal(readFileSync(path, 'utf8'), 'of somebody else');
  }));

test('a file is read through in its order, to the last byte', (t) =>
  onDisks(t, async (folder) => {
    for (const bytes of [0, 1, MIB, 7 * MIB + 4097]) {
      const path = join(folder, `of-${bytes}`);
      const content = randomBytes(bytes);
      writeFileSync(path, content);
      const seen: Buffer[] = [];
      const read = await throughFile(path, {}, (block) => {
        seen.push(Buffer.from(block));
        return Promise.resolve();
      });
      assert.equal(read, bytes);
      assert.ok(Buffer.concat(seen).equals(content));
    }
  }));
