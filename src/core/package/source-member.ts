import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  type BigIntStats,
} from 'node:fs';
import { CCATDataOperationError, PackageError } from '../exceptions.js';
import { classifyDiskError } from '../utilities/disk.js';
import { bytesOfText, systemPath, type PathBytes } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';
import type { RefusedEntry, SourceEntry } from './package-result.js';
import { errorCode } from './source-root.js';

/**
 * Looking at the entries of a source. These calls wait for the disk, so they belong into a thread of their own: thousands of small
 * files cost several times as much where each call is waited for by itself.
 */

/** A link is not followed; a fifo that took the file's place must not stop us. */
const HOW = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Why an entry is not taken. Not an error: the package goes on with the rest. */
export class Refusal {
  readonly kind: RefusedEntry['kind'];
  readonly reason: string;

  constructor(kind: RefusedEntry['kind'], reason: string) {
    this.kind = kind;
    this.reason = reason;
  }
}

/** What is looked for: an entry as the scan saw it. */
export type ExpectedEntry = Pick<SourceEntry, 'path' | 'kind' | 'size' | 'mtimeNs'>;

/** A regular file, open for reading, that is what the scan saw. Whoever has it closes it. */
export interface OpenMember {
  /** Descriptor. */
  file: number;
  stats: BigIntStats;
}

/** A part that is empty, `.` or `..`, or a NUL. */
const LEADS_ELSEWHERE = /(?:^|\/)\.{0,2}(?:\/|$)|\0/;

/** The bytes of an entry's path below the root. Throws a {@link PackageError} for a path that could lead elsewhere. */
export function memberPath(entry: ExpectedEntry): PathBytes {
  const path = bytesOfText(entry.path);
  if (LEADS_ELSEWHERE.test(path)) {
    throw new PackageError(`"${printable(entry.path)}" is not a path below a source`, {
      subject: printable(entry.path),
    });
  }
  return path;
}

/**
 * Opens files of a source, and makes sure that each is the one that the scan saw. A file is opened in its folder, of which the system itself says where
 * it lies: so nobody can lead us elsewhere by a link, at no moment. The last folder is kept open, since files of one folder follow each other.
 */
export class SourceFiles {
  readonly #root: PathBytes;
  #folder: { path: PathBytes; file: number; way: PathBytes } | undefined;

  /** @param root where the source lies, with no link on the way */
  constructor(root: PathBytes) {
    this.#root = root;
  }

  open(entry: ExpectedEntry): OpenMember | Refusal {
    const path = memberPath(entry);
    const slash = path.lastIndexOf('/');
    let file: number | undefined;
    let taken = false;
    try {
      const way = this.#enter(path.slice(0, Math.max(0, slash)));
      if (way === undefined) return elsewhere();
      file = openSync(systemPath(way + path.slice(slash + 1)), HOW);
      const stats = fstatSync(file, { bigint: true });
      if (!stats.isFile()) return new Refusal('changed', 'It is no regular file any more.');
      if (!matches(stats, entry)) return new Refusal('changed', 'It was written after it was found.');
      taken = true;
      return { file, stats };
    } catch (error) {
      return refusalFor(error, entry);
    } finally {
      if (!taken && file !== undefined) closeSync(file);
    }
  }

  /** Lets go of the folder; to be called before long, as it may be moved meanwhile. */
  leave(): void {
    if (this.#folder !== undefined) closeSync(this.#folder.file);
    this.#folder = undefined;
  }

  /** What leads into a folder; undefined where its path leads elsewhere. */
  #enter(path: PathBytes): PathBytes | undefined {
    if (this.#folder?.path === path) return this.#folder.way;
    this.leave();
    const absolute = path === '' ? this.#root : `${this.#root}/${path}`;
    const file = openSync(systemPath(absolute), constants.O_RDONLY | constants.O_DIRECTORY);
    const way = wayInto(file, absolute);
    if (way === undefined) closeSync(file);
    else this.#folder = { path, file, way };
    return way;
  }
}

/** Whether an open file was left alone since it was opened; undefined if so. */
export function changedSince({ file, stats }: OpenMember, entry: ExpectedEntry): Refusal | undefined {
  try {
    const now = fstatSync(file, { bigint: true });
    const same = now.size === stats.size && now.mtimeNs === stats.mtimeNs && now.ctimeNs === stats.ctimeNs;
    return same ? undefined : new Refusal('changed', 'It changed while it was read.');
  } catch (error) {
    return refusalFor(error, entry);
  }
}

/** What a symlink says, and its metadata. The link is not followed. */
export function readLink(
  root: PathBytes,
  entry: ExpectedEntry,
): { target: PathBytes; stats: BigIntStats } | Refusal {
  const path = `${root}/${memberPath(entry)}`;
  try {
    const stats = lstatSync(systemPath(path), { bigint: true });
    if (!stats.isSymbolicLink() || !matches(stats, entry))
      return new Refusal('changed', 'It changed after it was found.');
    const target = readlinkSync(systemPath(path), 'latin1');
    return isReached(path.slice(0, path.lastIndexOf('/'))) ? { target, stats } : elsewhere();
  } catch (error) {
    return refusalFor(error, entry);
  }
}

/** The metadata of a folder that was empty at the scan and still is. */
export function readFolder(root: PathBytes, entry: ExpectedEntry): { stats: BigIntStats } | Refusal {
  const path = `${root}/${memberPath(entry)}`;
  try {
    const stats = lstatSync(systemPath(path), { bigint: true });
    if (!stats.isDirectory() || !matches(stats, entry))
      return new Refusal('changed', 'It changed after it was found.');
    return isReached(path) ? { stats } : elsewhere();
  } catch (error) {
    return refusalFor(error, entry);
  }
}

/** The refusal that an error of the file system means for one entry; errors that concern more than it are thrown. */
export function refusalFor(error: unknown, entry: ExpectedEntry): Refusal {
  const code = errorCode(error);
  const refuse = REFUSALS[code];
  if (refuse === undefined)
    throw error instanceof CCATDataOperationError
      ? error
      : classifyDiskError(error, { operation: 'raw_data_package_creation', subject: printable(entry.path) });
  return new Refusal(refuse[0], `${refuse[1]} (${code}).`);
}

const REFUSALS: Record<string, [RefusedEntry['kind'], string]> = {
  ENOENT: ['vanished', 'It is not there any more'],
  ENOTDIR: ['vanished', 'Its folder is not there any more'],
  ELOOP: ['changed', 'A link took its place'],
  ENXIO: ['changed', 'It is no regular file any more'],
  EACCES: ['unreadable', "The worker's user may not read it"],
  EPERM: ['unreadable', "The worker's user may not read it"],
  EIO: ['unreadable', 'The disk failed to read it'],
  ENAMETOOLONG: ['unsupported', 'Its path is too long to open'],
};

/** Seconds of a time in nanoseconds, rounded down also before 1970. */
export function wholeSeconds(nanoseconds: bigint): bigint {
  return (nanoseconds < 0n ? nanoseconds - 999_999_999n : nanoseconds) / 1_000_000_000n;
}

function matches(stats: BigIntStats, entry: ExpectedEntry): boolean {
  const sizeMatches = entry.kind !== 'file' || stats.size === BigInt(entry.size);
  return sizeMatches && stats.mtimeNs === BigInt(entry.mtimeNs);
}

function elsewhere(): Refusal {
  return new Refusal('changed', 'It was moved, or a folder above it was replaced by a link.');
}

/** Whether this path leads where it says, with no link on the way. */
function isReached(path: PathBytes): boolean {
  return path === realpathSync.native(systemPath(path), 'latin1');
}

/** What leads into an open folder, if it lies at this path. Linux knows it of the folder itself, which leaves no moment for a swap. */
function wayInto(folder: number, path: PathBytes): PathBytes | undefined {
  const way = `/proc/self/fd/${folder}`;
  try {
    return readlinkSync(way, 'latin1') === path ? `${way}/` : undefined;
  } catch {
    return isReached(path) ? `${path}/` : undefined; // systems without /proc
  }
}
