import { lstat, readdir } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { BigIntStats } from 'node:fs';
import type { FoundEntry } from '../database/records.js';
import { ConfigurationError, PermanentError } from '../exceptions.js';
import type { EntryKind } from '../states.js';
import { classifyDiskError } from '../utilities/disk.js';
import { inOrder } from '../utilities/in-order.js';
import { LOCATION_MARKER } from '../storage/location-marker.js';
import { encodePath, type PathText } from '../utilities/path-text.js';
import { isFitsName, readInstrumentModule, UNASSIGNED } from './instrument-module.js';
import { PAYLOAD_FOLDER } from './bag.js';
import type { RefusedEntry } from './package-result.js';
import { errorCode, findSourceRoot, joinBytes, READ_ADVICE, type SourceRoot } from './source-root.js';

/** The longest path that can be unpacked again below a bag's folder: the system takes 4095 bytes, the folder's name up to 255. */
const MAX_PATH = 4095 - 255 - `/${PAYLOAD_FOLDER}/`.length;
const AT_ONCE = 32;

export interface ScanOptions {
  signal?: AbortSignal;
  /** Seconds that a file must have been left alone to count as quiet. */
  quietSeconds: number;
  /** The present, in milliseconds since the epoch. */
  now: number;
}

export type ScanFinding = { entry: FoundEntry } | { refused: RefusedEntry & { executedObsUnit: PathText } };

/**
 * Walks a source and tells all that can be packaged: regular files, symlinks (never followed) and folders without any of
 * these; and what can't, with the reason. Each first-level folder is an executed observation unit, loose files are one
 * more, named like the source's own folder. A first-level folder without a regular file below it is no observation: what it
 * holds goes with the loose files, or with the first unit where there are none, so that a bag has files to check.
 *
 * Order is stable: a folder's files by name, then its folders. Things that vanish meanwhile are passed over. Memory holds one
 * unit's entries, since an entry that names no instrument module takes the one of its unit, where it has exactly one.
 *
 * Throws a {@link ConfigurationError} where the root is no folder, a {@link PermanentError} where it may not be read.
 */
export async function* scanSource(root: string, options: ScanOptions): AsyncGenerator<ScanFinding> {
  const source = await findSourceRoot(root, ConfigurationError);
  const ownName = basename(resolve(root)) || 'source';
  const walk = new Walk(source, options);
  const top = await walk.list(undefined);
  if (top === undefined || 'refused' in top) {
    throw new PermanentError(`The source ${root} may not be read`, { subject: root, advice: READ_ADVICE });
  }
  let host: UnitOfFiles | undefined;
  const fileless: Unit[] = [];
  for await (const unit of units(walk, top, ownName)) {
    const module = moduleOfOthers(unit.findings);
    if (module === undefined) {
      fileless.push(unit);
      continue;
    }
    host ??= { name: unit.name, module };
    yield* entriesOf(unit.findings, { name: unit.name, module });
  }
  for (const { name, findings } of fileless) yield* entriesOf(findings, host ?? { name, module: UNASSIGNED });
}

/** A first-level folder, or the loose files, with all that was found there. */
interface Unit {
  name: PathText;
  findings: Finding[];
}

async function* units(walk: Walk, top: Listing, ownName: string): AsyncGenerator<Unit> {
  yield { name: ownName, findings: top.findings };
  for (const folder of top.folders) yield { name: encodePath(folder), findings: await walk.below(folder) };
}

/** An entry before its unit is known. */
interface Seen {
  entry: Omit<FoundEntry, 'executedObsUnit' | 'instrumentModule'>;
  instrumentModule: string | undefined;
}
type Finding = Seen | { refused: RefusedEntry };

/** What one folder holds. */
interface Listing {
  findings: Finding[];
  folders: Buffer[];
}

class Walk {
  readonly #root: SourceRoot;
  readonly #options: ScanOptions;

  constructor(root: SourceRoot, options: ScanOptions) {
    this.#root = root;
    this.#options = options;
  }

  /** Everything in a first-level folder. */
  async below(unit: Buffer): Promise<Finding[]> {
    const all: Finding[] = [];
    const waiting = [unit];
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const listing = await this.list(folder);
      if (listing === undefined) continue;
      if ('refused' in listing) {
        all.push(listing);
        continue;
      }
      // One by one: a folder may hold more than a call can take as arguments.
      for (const finding of listing.findings) all.push(finding);
      for (const inner of listing.folders.reverse()) waiting.push(inner);
    }
    return all;
  }

  /** What is in a folder (undefined: the root), a refusal where it may not be read, nothing where it vanished. */
  async list(folder: Buffer | undefined): Promise<Listing | { refused: RefusedEntry } | undefined> {
    let names: Buffer[];
    let own: BigIntStats;
    try {
      own = await lstat(this.#absolute(folder), { bigint: true });
      if (!own.isDirectory()) return undefined;
      names = await readdir(this.#absolute(folder), { encoding: 'buffer' });
    } catch (error) {
      return this.#failure(folder, error);
    }
    const listing: Listing = { findings: [], folders: [] };
    names.sort((a, b) => Buffer.compare(a, b));
    const marker = Buffer.from(LOCATION_MARKER);
    if (folder === undefined) names = names.filter((name) => !name.equals(marker));
    const paths = names.map((name) => (folder ? joinBytes(folder, name) : name));
    for await (const found of inOrder(paths, AT_ONCE, (path) => this.#look(path))) {
      this.#options.signal?.throwIfAborted();
      if (Buffer.isBuffer(found)) listing.folders.push(found);
      else if (found) listing.findings.push(found);
    }
    const bare = listing.folders.length === 0 && !listing.findings.some((finding) => 'entry' in finding);
    if (folder && bare) listing.findings.push(this.#seen(folder, 'directory', own));
    return listing;
  }

  /** What is at a path: a folder's path itself, a finding, or nothing where it vanished. */
  async #look(path: Buffer): Promise<Buffer | Finding | undefined> {
    if (path.length > MAX_PATH)
      return refused(path, 'unsupported', 'Its path is too long to be unpacked again.');
    try {
      const stats = await lstat(this.#absolute(path), { bigint: true });
      if (stats.isDirectory()) return path;
      if (stats.isSymbolicLink()) return this.#seen(path, 'symlink', stats);
      if (!stats.isFile()) return refused(path, 'unsupported', `It is ${specialKind(stats)}, not a file.`);
      const module = isFitsName(path) ? await readInstrumentModule(this.#absolute(path)) : undefined;
      return this.#seen(path, 'file', stats, module);
    } catch (error) {
      return this.#failure(path, error);
    }
  }

  #failure(path: Buffer | undefined, error: unknown): { refused: RefusedEntry } | undefined {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const named = path ?? Buffer.from('.');
    if (code === 'ENAMETOOLONG') return refused(named, 'unsupported', 'Its path is too long to open.');
    if (['EACCES', 'EPERM', 'EIO'].includes(code))
      return refused(named, 'unreadable', `It could not be read (${code}).`);
    throw classifyDiskError(error, { subject: encodePath(named) });
  }

  #seen(path: Buffer, kind: EntryKind, stats: BigIntStats, instrumentModule?: string): Seen {
    const entry = {
      path: encodePath(path),
      kind,
      size: kind === 'file' ? Number(stats.size) : 0,
      mtimeNs: stats.mtimeNs.toString(),
      ctimeNs: stats.ctimeNs.toString(),
      quiet: isQuiet(stats, this.#options),
    };
    return { entry, instrumentModule };
  }

  #absolute(path: Buffer | undefined): Buffer {
    return path ? joinBytes(this.#root.path, path) : this.#root.path;
  }
}

/** Whether it was left alone long enough. A time in the future says nothing: then its last change of any kind counts. */
function isQuiet(stats: BigIntStats, { now, quietSeconds }: ScanOptions): boolean {
  const written = Number(stats.mtimeMs) > now ? Number(stats.ctimeMs) : Number(stats.mtimeMs);
  return now - written >= quietSeconds * 1000;
}

/** A unit, and the module of those of its entries that name none. */
interface UnitOfFiles {
  name: PathText;
  module: string;
}

function* entriesOf(findings: Finding[], { name, module }: UnitOfFiles): Generator<ScanFinding> {
  for (const finding of findings) {
    if ('refused' in finding) yield { refused: { ...finding.refused, executedObsUnit: name } };
    else
      yield {
        entry: {
          ...finding.entry,
          executedObsUnit: name,
          instrumentModule: finding.instrumentModule ?? module,
        },
      };
  }
}

/** The module of a unit's entries that name none: the unit's, where it has exactly one. Undefined for a unit without files. */
function moduleOfOthers(findings: Finding[]): string | undefined {
  const files = findings.filter(
    (finding): finding is Seen => 'entry' in finding && finding.entry.kind === 'file',
  );
  const modules = new Set(files.map((file) => file.instrumentModule));
  const named = [...modules].filter((module) => module !== undefined).sort();
  if (files.length === 0) return undefined;
  // Links and folders alone make no package: where every file names one of several modules, they go with the first.
  return modules.has(undefined) && named.length > 1 ? UNASSIGNED : (named[0] ?? UNASSIGNED);
}

function refused(path: Buffer, kind: RefusedEntry['kind'], reason: string): { refused: RefusedEntry } {
  return { refused: { path: encodePath(path), kind, reason } };
}

function specialKind(stats: BigIntStats): string {
  if (stats.isSocket()) return 'a socket';
  return stats.isFIFO() ? 'a fifo' : 'a device';
}
