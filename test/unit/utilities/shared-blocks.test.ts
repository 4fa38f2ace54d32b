import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { giveBlock, takeBlock, throughFile } from '../../../src/core/utilities/shared-blocks.js';

const MIB = 1024 * 1024;

test('a block that was given back is used again, by one only', () => {
  const block = takeBlock(MIB + 1);
  giveBlock(block);
  assert.equal(takeBlock(MIB + 1), block);
  assert.notEqual(takeBlock(MIB + 1), block);
  assert.equal(takeBlock(MIB + 2).length, MIB + 2);
});

test('whoever reads a file gives its blocks back, also where that fails', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cdt-blocks-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'file');
  await writeFile(path, Buffer.alloc(3 * MIB));
  const read = () => throughFile(path, {}, () => Promise.resolve());
  const fail = () =>
    assert.rejects(
      throughFile(path, {}, () => Promise.reject(new Error('no'))),
      /no/,
    );
  const more = await blockMemoryAfter(20, async () => {
    assert.equal(await read(), 3 * MIB);
    await fail();
  });
  assert.ok(more < 5 * MIB, `${more} bytes more`);
});

// The last one: what it leaves to the collector would hide what the others take.
test('no more is kept than a worker may hold', () => {
  const blocks = Array.from({ length: 7 }, () => takeBlock(32 * MIB));
  blocks.forEach(giveBlock);
  const again = Array.from({ length: 7 }, () => takeBlock(32 * MIB));
  const kept = again.filter((block) => blocks.includes(block)).length;
  assert.ok(kept > 0 && kept <= 6, `${kept} of 7 blocks of 32 MiB were kept`);
});

/** How much more memory of blocks there was at most, so many times after the first. */
async function blockMemoryAfter(times: number, act: () => Promise<unknown>): Promise<number> {
  await act();
  const before = process.memoryUsage().arrayBuffers;
  let most = before;
  for (let done = 0; done < times; done += 1) {
    await act();
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  }
  return most - before;
}
