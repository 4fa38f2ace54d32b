import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { PackageError, StorageError } from '../exceptions.js';
import { classifyDiskError, writeFileAtomically } from '../utilities/disk.js';
import { printable } from '../utilities/printable.js';
import { writeBag } from './bag-writer.js';
import { PackageOutput } from './package-output.js';
import type { PackageResult, RefusedEntry, SourceEntry } from './package-result.js';
import { plannedBytes, requireSpace, withSpace } from './package-space.js';
import { memberPath } from './source-member.js';
import { errorCode, findSourceRoot, isEmpty, isStillThere, type SourceRoot } from './source-root.js';

const OPERATION = 'raw_data_package_creation';

export interface PackageRequest {
  /** The folder that the entries' paths are relative to. */
  sourceRoot: string;
  entries: SourceEntry[];
  /** The bag's folder: a plain file name. */
  name: string;
  /** Lines for `bag-info.txt`; `Payload-Oxum` is added, and today's `Bagging-Date` where it is missing. */
  bagInfo: Record<string, string>;
  signal?: AbortSignal;
  /** Called with the payload bytes dealt with so far; rises to the sum of the entries' sizes. */
  onProgress?: (payloadBytesDone: number) => void;
  /** Absolute path of the tar; its folder must exist. */
  destination: string;
}

/**
 * Makes a package: a BagIt bag in a tar, every byte of the source read once, every digest made in that pass.
 *
 * Entries that changed, vanished or can't be read are left out and listed in the result. The tar and
 * `<destination>.result.json` appear whole or not at all; where both are there already, nothing is done.
 * The same entries and `bagInfo` give the same bytes.
 *
 * Throws {@link StorageError} where the destination has no room or fails, or the source went away;
 * {@link PermanentError} where the package could never fit; {@link PackageError} for names that can't be used.
 */
export async function createPackage(request: PackageRequest): Promise<PackageResult> {
  const { name, destination, entries, signal } = request;
  requireFileName(name);
  for (const entry of entries) memberPath(entry);
  signal?.throwIfAborted();
  const before = await finishedResult(destination);
  if (before) return before;
  const root = await findSourceRoot(request.sourceRoot, StorageError);
  const needed = plannedBytes(name, entries);
  await requireSpace(dirname(destination), needed);

  const output = await PackageOutput.create(destination);
  try {
    const bagInfo = { 'Bagging-Date': new Date().toISOString().slice(0, 10), ...request.bagInfo };
    const { members, refused, fileCount, payloadBytes } = await writeBag(
      output,
      { root, name, bagInfo },
      entries,
      request,
    );
    await requireSource(root, request.sourceRoot, refused);
    signal?.throwIfAborted();
    // Another attempt may have finished meanwhile: what it published may be on its way already.
    const meanwhile = await finishedResult(destination);
    if (meanwhile) return meanwhile;
    const result: PackageResult = {
      version: 1,
      name: basename(destination),
      ...(await output.publish()),
      fileCount,
      payloadBytes,
      members,
      refused,
      createdAt: new Date().toISOString(),
    };
    await writeFileAtomically(resultPath(destination), JSON.stringify(result));
    return result;
  } catch (error) {
    throw await withSpace(error, dirname(destination), needed);
  } finally {
    await output.discard();
  }
}

/** Where the result of a package lies. */
export function resultPath(destination: string): string {
  return `${destination}.result.json`;
}

/** The result of an earlier attempt that came to its end, if what it tells of is there. */
export async function finishedResult(destination: string): Promise<PackageResult | undefined> {
  try {
    const result = JSON.parse(await readFile(resultPath(destination), 'utf8')) as PackageResult;
    const { size } = await stat(destination);
    return result.name === basename(destination) && result.bytes === size ? result : undefined;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw classifyDiskError(error, { operation: OPERATION, subject: destination });
  }
}

/** Files that vanish one by one are refused; a source that vanished as a whole is waited for. */
async function requireSource(root: SourceRoot, sourceRoot: string, refused: RefusedEntry[]): Promise<void> {
  if (!refused.some(({ kind }) => kind === 'vanished')) return;
  // A mount point without its disk is an empty folder, also when it was one from the start.
  if ((await isStillThere(root)) && !(await isEmpty(root))) return;
  throw new StorageError(`The source ${printable(sourceRoot)} went away while it was packaged`, {
    subject: printable(sourceRoot),
    advice: 'Mount the disk again; the work goes on by itself.',
  });
}

function requireFileName(name: string): void {
  const fits = !['', '.', '..'].includes(name) && !/[/\0]/.test(name) && Buffer.byteLength(name) <= 255;
  if (!fits)
    throw new PackageError(`"${printable(name)}" can't be the name of a package`, {
      subject: printable(name),
    });
}
