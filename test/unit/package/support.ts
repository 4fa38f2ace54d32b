import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FoundEntry } from '../../../src/core/database/records.js';
import { createPackage, type PackageRequest } from '../../../src/core/package/create-package.js';
import type { PackageResult, RefusedEntry } from '../../../src/core/package/package-result.js';
import { scanSource } from '../../../src/core/package/scan-source.js';

/** Everything that a scan tells of a source. */
export async function scan(
  root: string,
  options: { quietSeconds?: number; now?: number; signal?: AbortSignal } = {},
) {
  const entries: FoundEntry[] = [];
  const refused: (RefusedEntry & { executedObsUnit: string })[] = [];
  for await (const findings of scanSource(root, { quietSeconds: 0, now: Date.now(), ...options })) {
    for (const found of findings) {
      if ('entry' in found) entries.push(found.entry);
      else refused.push(found.refused);
    }
  }
  return { entries, refused };
}

/** A folder for a source and one for packages, in a test's directory. */
export function folders(directory: string): { source: string; buffer: string; destination: string } {
  const source = join(directory, 'source');
  const buffer = join(directory, 'buffer');
  mkdirSync(source);
  mkdirSync(buffer);
  // Another user must get through to what a test takes its rights from.
  chmodSync(directory, 0o755);
  chmodSync(buffer, 0o777);
  return { source, buffer, destination: join(buffer, 'bag.tar') };
}

/** Packages all that a scan finds, or the entries given. */
export async function pack(
  source: string,
  destination: string,
  options: Partial<PackageRequest> = {},
): Promise<PackageResult> {
  const entries = options.entries ?? (await scan(source)).entries;
  return createPackage({
    sourceRoot: source,
    name: 'bag',
    destination,
    bagInfo: { 'Source-Organization': 'ccat' },
    ...options,
    entries,
  });
}

/** Unpacks with GNU tar and checks with `sha256sum`, as anyone would. Answers with the bag's folder. */
export function unpack(tar: string, into: string): string {
  mkdirSync(into);
  execFileSync('tar', ['xf', tar, '-C', into]);
  const bag = join(into, 'bag');
  for (const manifest of ['manifest-sha256.txt', 'tagmanifest-sha256.txt']) {
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', manifest], { cwd: bag, stdio: 'pipe' });
  }
  return bag;
}

/** Runs as a user who may read what everybody may, and no more; root gives up its rights for that long. */
export async function withoutRights<T>(path: string, run: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  chmodSync(path, 0);
  if (isRoot) process.seteuid?.(65534);
  try {
    return await run();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(path, 0o755);
  }
}

/** What was refused, as `path: kind`. */
export function kinds(refused: RefusedEntry[]): string[] {
  for (const { reason } of refused) assert.match(reason, /^[A-Z].*\.$/);
  return refused.map(({ path, kind }) => `${path}: ${kind}`).sort();
}
