import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Report, ReportedPackage } from './report.js';
import { countFiles, differences, digestFile, readTree, type PathKey, type Tree } from './tree.js';

/**
 * Reads an archive as someone would who has the objects and common tools alone, and asserts that it holds this tree: every byte,
 * every name, link and folder, each in exactly one package, and that the report tells the truth about it.
 *
 * @param scratch a directory that is filled with what the packages hold
 * @param directory the source itself, for a second opinion by `diff`; left out where it was deleted
 * @returns in which package each path is
 */
export function assertArchiveHolds(
  report: Report,
  expected: Tree,
  scratch: string,
  directory?: string,
): Map<PathKey, ReportedPackage> {
  const merged = join(scratch, 'merged');
  mkdirSync(merged, { recursive: true });
  const found: Tree = new Map();
  const homes = new Map<PathKey, ReportedPackage>();
  for (const entry of report.packages) {
    const bag = unpack(report, entry, join(scratch, entry.id));
    const content = readTree(join(bag, 'data'));
    assert.equal(countFiles(content).files, entry.files, `files of ${entry.name}`);
    for (const [key, member] of content) {
      assert.ok(
        member.kind === 'directory' || !found.has(key),
        `${JSON.stringify(key)} is in two packages, one is ${entry.name}`,
      );
      found.set(key, member);
      homes.set(key, entry);
    }
    execFileSync('cp', ['-al', `${bag}/data/.`, merged]);
  }
  assert.deepEqual(differences(expected, found), [], 'the archive differs from the source');
  assert.deepEqual({ files: report.files, bytes: report.bytes }, countFiles(expected));
  if (directory !== undefined) assertDiffFindsNothing(directory, merged);
  return homes;
}

/** Names of the packages in the archive's bucket on disk, sorted; whatever the store keeps for itself left out. */
export function archivedKeys(root: string, bucket: string): string[] {
  const directory = join(root, bucket);
  if (!existsSync(directory)) return [];
  // The store's own folders (their names begin with a dot) come and go while it works: they are not entered.
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      statSync(join(directory, name)).isDirectory()
        ? readdirSync(join(directory, name), { recursive: true, encoding: 'utf8' }).map(
            (key) => `${name}/${key}`,
          )
        : [name],
    )
    .filter((key) => key.endsWith('.tar') && statSync(join(directory, key)).isFile())
    .sort();
}

export function objectPath(report: Pick<Report, 's3'>, entry: ReportedPackage): string {
  return join(report.s3.root, entry.archive.bucket, entry.archive.key);
}

/**
 * Unpacks one package with `tar` and checks it with `sha256sum`, its object's size and digest and its sidecar with the report.
 *
 * @returns the bag's folder
 */
export function unpack(report: Report, entry: ReportedPackage, into: string): string {
  const object = objectPath(report, entry);
  assert.deepEqual(
    digestFile(object),
    { bytes: entry.bytes, sha256: entry.sha256 },
    `the object of ${entry.name}`,
  );
  assertSidecarAgrees(object, entry);

  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-x', '-p', '-f', object, '-C', into], { stdio: ['ignore', 'ignore', 'inherit'] });
  const tops = readdirSync(into);
  assert.equal(tops.length, 1, `${entry.name} must have one folder at its top, not ${tops.join(', ')}`);
  assert.equal(
    `${tops[0]!}.tar`,
    entry.archive.key.split('/').at(-1),
    'the folder is named like the package',
  );

  const bag = join(into, tops[0]!);
  if (!existsSync(join(bag, 'data'))) mkdirSync(join(bag, 'data'));
  for (const manifest of ['manifest-sha256.txt', 'tagmanifest-sha256.txt']) assertSumsMatch(bag, manifest);
  assert.match(
    readFileSync(join(bag, 'bagit.txt'), 'utf8'),
    /^BagIt-Version: 1\.0\nTag-File-Character-Encoding: UTF-8\n$/,
  );
  return bag;
}

function assertSumsMatch(bag: string, manifest: string): void {
  // A bag without any file (folders or links alone) has an empty manifest, of which sha256sum says that it holds no lines.
  const { files } = countFiles(readTree(join(bag, 'data')));
  const text = readFileSync(join(bag, manifest), 'latin1');
  if (manifest === 'manifest-sha256.txt')
    assert.equal(text.split('\n').length - 1, files, 'the manifest names each file once');
  if (text === '') return;
  const checked = spawnSync('sha256sum', ['--check', '--strict', manifest], { cwd: bag, maxBuffer: 2 ** 28 });
  assert.equal(checked.status, 0, `sha256sum -c ${manifest} in ${bag}: ${checked.stderr.toString()}`);
}

/** Beside each package lies a JSON document, found by the package's key, that tells the same digest and size. */
function assertSidecarAgrees(object: string, entry: ReportedPackage): void {
  const sidecar = [`${object}.json`, object.replace(/\.tar$/, '.json')].find((path) => existsSync(path));
  assert.ok(sidecar !== undefined, `no sidecar beside ${object}`);
  const text = readFileSync(sidecar, 'utf8');
  const facts = new Set(valuesOf(JSON.parse(text)));
  for (const fact of [
    entry.id,
    entry.sha256,
    entry.bytes,
    entry.files,
    entry.executedObsUnit,
    entry.instrumentModule,
  ]) {
    assert.ok(
      facts.has(fact),
      `the sidecar of ${entry.name} does not tell ${JSON.stringify(fact)}: ${text.slice(0, 2000)}`,
    );
  }
}

function valuesOf(document: unknown): unknown[] {
  if (typeof document !== 'object' || document === null) return [document];
  return Object.values(document).flatMap((value) => valuesOf(value));
}

function assertDiffFindsNothing(directory: string, merged: string): void {
  const compared = spawnSync('diff', ['-r', '--no-dereference', directory, merged], { maxBuffer: 2 ** 28 });
  assert.equal(
    compared.status,
    0,
    `diff -r: ${compared.stdout.toString().slice(0, 5000)}${compared.stderr.toString()}`,
  );
}
