import assert from 'node:assert/strict';
import { test } from 'node:test';
import { giveBlock, takeBlock } from '../../../src/core/utilities/shared-blocks.js';

const MIB = 1024 * 1024;

test('a block that was given back is used again, by one only', () => {
  const block = takeBlock(MIB + 1);
  giveBlock(block);
  assert.equal(takeBlock(MIB + 1), block);
  assert.notEqual(takeBlock(MIB + 1), block);
  assert.equal(takeBlock(MIB + 2).length, MIB + 2);
});

test('no more is kept than a worker may hold', () => {
  const blocks = Array.from({ length: 7 }, () => takeBlock(32 * MIB));
  blocks.forEach(giveBlock);
  const again = Array.from({ length: 7 }, () => takeBlock(32 * MIB));
  const kept = again.filter((block) => blocks.includes(block)).length;
  assert.ok(kept > 0 && kept <= 6, `${kept} of 7 blocks of 32 MiB were kept`);
});
