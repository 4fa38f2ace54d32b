import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseBagInfo } from '../../../src/core/package/bag.js';
import { verifyPackage } from '../../../src/core/package/verify-package.js';
import { withScratch } from '../../support/scratch.js';
import { differences, digestFile, readTree } from '../../support/tree.js';
import { buildTree } from '../../support/weird-tree.js';
import { folders, pack, unpack } from './support.js';

test('a tree of awkward names comes back from GNU tar byte for byte, and sha256sum finds nothing wrong', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    const tree = buildTree(source, { files: 400, seed: 7, bigFiles: [20_000_000] });
    const result = await pack(source, destination);
    assert.deepEqual(result.refused, []);
    assert.deepEqual(
      differences(tree, readTree(join(unpack(destination, join(directory, 'out')), 'data'))),
      [],
    );

    const { bytes, sha256 } = digestFile(destination);
    assert.deepEqual({ bytes, sha256 }, { bytes: result.bytes, sha256: result.sha256 });
    const verdict = await verifyPackage({ file: destination, bytes, sha256 });
    assert.deepEqual(verdict, { ok: true, mismatches: [] });
    assert.deepEqual(JSON.parse(readFileSync(`${destination}.result.json`, 'utf8')), result);
  });
});

test('a path of 3,700 bytes can be packaged and unpacked', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    const path = [...Array.from({ length: 18 }, () => 'd'.repeat(200)), 'f'.repeat(80)].join('/');
    mkdirSync(join(source, path, '..'), { recursive: true });
    writeFileSync(join(source, path), 'deep');
    await pack(source, destination);
    assert.equal(
      readFileSync(join(unpack(destination, join(directory, 'out')), 'data', path), 'utf8'),
      'deep',
    );
  });
});

test('the bag says what is in it and where it comes from', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination } = folders(directory);
    writeFileSync(join(source, 'one'), 'hello');
    writeFileSync(join(source, 'two'), 'world!');
    const result = await pack(source, destination);
    const bag = unpack(destination, join(directory, 'out'));
    assert.equal(
      readFileSync(join(bag, 'bagit.txt'), 'utf8'),
      'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n',
    );
    const info = parseBagInfo(readFileSync(join(bag, 'bag-info.txt'), 'utf8'));
    assert.equal(info['Payload-Oxum'], '11.2');
    assert.equal(info['Source-Organization'], 'ccat');
    assert.match(info['Bagging-Date'] ?? '', /^\d{4}-\d\d-\d\d$/);
    assert.deepEqual([result.fileCount, result.payloadBytes, result.name], [2, 11, 'bag.tar']);
  });
});

test('the same source gives the same package, bit for bit', async (t) => {
  await withScratch(t, async (directory) => {
    const { source, destination, buffer } = folders(directory);
    buildTree(source, { files: 150, seed: 3, bigFiles: [1_000_000] });
    const bagInfo = { 'Bagging-Date': '2026-11-23' };
    const one = await pack(source, destination, { bagInfo });
    const other = await pack(source, join(buffer, 'again.tar'), { bagInfo });
    assert.equal(one.sha256, other.sha256);
  });
});
