import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertArchiveHolds, objectPath } from '../support/read-archive.js';
import type { Report } from '../support/report.js';
import { withScratch } from '../support/scratch.js';
import { countFiles, differences, digestFile, readTree, type Tree, type TreeEntry } from '../support/tree.js';
import { buildTree } from '../support/weird-tree.js';

// The other tests believe what the archive reader says: so it is shown to accept what common tools made right, and to notice damage.

const SHELL_THAT_MAKES_A_BAG = `
set -eu
mkdir "$1" && cp -a "$2" "$1/data" && cd "$1"
printf 'BagIt-Version: 1.0\\nTag-File-Character-Encoding: UTF-8\\n' > bagit.txt
find data -type f -exec sha256sum {} + > manifest-sha256.txt
sha256sum bagit.txt manifest-sha256.txt > tagmanifest-sha256.txt
cd .. && tar --format=pax -cf "$3" "$(basename "$1")"
`;

/** An archive of one package as GNU tar and sha256sum make it. */
function archiveMadeByHand(scratch: string): { report: Report; tree: Tree; source: string } {
  const source = join(scratch, 'source');
  mkdirSync(source);
  const tree = buildTree(source, { files: 300, seed: 7, bigFiles: [3_000_000] });
  const root = join(scratch, 'objects');
  mkdirSync(join(root, 'bucket'), { recursive: true });
  const archive = {
    location: 'cologne.lta',
    bucket: 'bucket',
    key: 'one.tar',
    verifiedAt: '2026-01-01T00:00:00Z',
  };
  const object = join(root, 'bucket', 'one.tar');
  execFileSync('sh', ['-c', SHELL_THAT_MAKES_A_BAG, 'sh', join(scratch, 'one'), source, object]);

  const facts = {
    id: '1',
    executedObsUnit: 'unit',
    instrumentModule: 'CHAI',
    ...digestFile(object),
    files: countFiles(tree).files,
  };
  writeFileSync(`${object}.json`, JSON.stringify({ facts }));
  const packages = [
    { ...facts, name: 'one.tar', state: 'archived', archive, workflowId: 'raw-data-package/1' },
  ];
  const report = {
    ...countFiles(tree),
    ...{ seconds: 1, packages, source: { deleted: 0, kept: facts.files }, problems: [] },
    ...{ temporalUi: 'http://127.0.0.1', s3: { endpoint: 'http://127.0.0.1', root } },
  };
  return { report, tree, source };
}

test('a tree is built as it is told to be, and the same again from the same seed', (t) =>
  withScratch(t, async (scratch) => {
    const [one, two] = ['one', 'two'].map((name) => join(scratch, name));
    for (const directory of [one!, two!]) mkdirSync(directory);
    const tree = buildTree(one!, { files: 400, seed: 3, bigFiles: [5_000_000] });
    assert.ok(countFiles(tree).files >= 400);
    assert.deepEqual(differences(tree, readTree(one!)), []);
    assert.deepEqual(differences(tree, buildTree(two!, { files: 400, seed: 3, bigFiles: [5_000_000] })), []);
    return Promise.resolve();
  }));

test('the archive reader accepts an archive that common tools made', (t) =>
  withScratch(t, async (scratch) => {
    const { report, tree, source } = archiveMadeByHand(scratch);
    assertArchiveHolds(report, tree, join(scratch, 'read'), source);
    return Promise.resolve();
  }));

test('the archive reader notices whatever differs between archive and source', (t) =>
  withScratch(t, async (scratch) => {
    const { report, tree } = archiveMadeByHand(scratch);
    const [key, file] = [...tree].find(([, entry]) => entry.kind === 'file' && entry.bytes > 0)!;
    assert.ok(file.kind === 'file');
    const wrong: [string, TreeEntry | undefined][] = [
      ['missing in the source', undefined],
      ['another byte', { ...file, sha256: '0'.repeat(64) }],
      ['another time', { ...file, mtimeSeconds: file.mtimeSeconds + 1 }],
      ['another mode', { ...file, mode: file.mode ^ 1 }],
      ['a link instead', { kind: 'symlink', target: 'elsewhere' }],
    ];
    for (const [what, entry] of wrong) {
      const other: Tree = new Map(tree);
      if (entry === undefined) other.delete(key);
      else other.set(key, entry);
      assert.throws(
        () => assertArchiveHolds(report, other, join(scratch, what)),
        /differs from the source/,
        what,
      );
    }
    const more = new Map(tree).set('a folder more', { kind: 'directory' });
    assert.throws(
      () => assertArchiveHolds(report, more, join(scratch, 'folder')),
      /missing: "a folder more"/,
    );
    return Promise.resolve();
  }));

test('the archive reader notices a file that is in two packages', (t) =>
  withScratch(t, async (scratch) => {
    const { report, tree } = archiveMadeByHand(scratch);
    const twice = { ...report, packages: [...report.packages, { ...report.packages[0]!, id: 'again' }] };
    const sidecar = `${objectPath(report, report.packages[0]!)}.json`;
    writeFileSync(sidecar, JSON.stringify([readFileSync(sidecar, 'utf8'), report.packages[0], 'again']));
    assert.throws(() => assertArchiveHolds(twice, tree, join(scratch, 'read')), /is in two packages/);
    return Promise.resolve();
  }));

test('the archive reader notices an object that is not what the report says', (t) =>
  withScratch(t, async (scratch) => {
    const { report, tree } = archiveMadeByHand(scratch);
    appendFileSync(objectPath(report, report.packages[0]!), 'x');
    assert.throws(() => assertArchiveHolds(report, tree, join(scratch, 'read')), /the object of one/);
    return Promise.resolve();
  }));
