import { lstatSync, readdirSync, type BigIntStats } from 'node:fs';
import type { FoundEntry } from '../database/records.js';
import { PermanentError } from '../exceptions.js';
import type { EntryKind } from '../states.js';
import { LOCATION_MARKER } from '../storage/location-marker.js';
import { classifyDiskError } from '../utilities/disk.js';
import {
  bytesOfText,
  systemPath,
  textOfBytes,
  type PathBytes,
  type PathText,
} from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';
import { asBuffer, takeThreads, type Lease } from '../utilities/threads.js';
import { PAYLOAD_FOLDER } from './bag.js';
import { isFitsName, readInstrumentModuleSync } from './instrument-module.js';
import type { RefusedEntry } from './package-result.js';
import { errorCode, READ_ADVICE, type SourceRoot } from './source-root.js';

/** The longest path that can be unpacked again below a bag's folder: the system takes 4095 bytes, the folder's name up to 255. */
const MAX_PATH = 4095 - 255 - `/${PAYLOAD_FOLDER}/`.length;
/** Names that are looked at before their findings are told; a message has those of as many names, or somewhat more. */
const BATCH = 500;

export interface WalkPlan {
  root: SourceRoot;
  /** Seconds that a file must have been left alone to count as quiet. */
  quietSeconds: number;
  /** The present, in milliseconds since the epoch. */
  now: number;
}

/** An entry before its unit is known. */
export interface Seen {
  entry: Omit<FoundEntry, 'executedObsUnit' | 'instrumentModule'>;
  instrumentModule: string | undefined;
}
export type Finding = Seen | { refused: RefusedEntry };

/** What was found next in a unit. */
export interface Told {
  /** A list of {@link Finding} as JSON: of many small objects made and read in half of the time of what a message makes of them. */
  findings: string;
  /** More of the same unit is to come. */
  more: boolean;
  /** Once all of a root itself was told: its first-level folders. */
  units?: PathText[];
}

/**
 * Looks at what is in a source, unit by unit: what lies in its root itself, or a first-level folder with all below it; in each folder its files by
 * name, then its folders. Things that vanish meanwhile are passed over.
 * It waits for the disk, see `source-member.ts`.
 */
export class SourceWalk {
  readonly #root: PathBytes;
  readonly #plan: WalkPlan;
  #steps: Generator<Finding[], PathBytes[]>;

  constructor(plan: WalkPlan) {
    this.#root = asBuffer(plan.root.path).toString('latin1');
    this.#plan = plan;
    this.#steps = this.#list(undefined);
  }

  /** Begins with a first-level folder, or with what lies in the root itself. Throws a {@link PermanentError} where the root may not be read. */
  enter(unit: PathText | undefined): Told {
    this.#steps = unit === undefined ? this.#list(undefined) : this.#below(bytesOfText(unit));
    return this.next();
  }

  /** What is found next in the unit that was entered last. Throws as {@link enter}. */
  next(): Told {
    const findings: Finding[] = [];
    let units: PathText[] | undefined;
    while (units === undefined && findings.length < BATCH) {
      const step = this.#steps.next();
      if (step.done === true) units = step.value.map(textOfBytes);
      else findings.push(...step.value);
    }
    return { findings: JSON.stringify(findings), more: units === undefined, units };
  }

  /** All that is below a folder. */
  *#below(folder: PathBytes): Generator<Finding[], PathBytes[]> {
    const waiting = [folder];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const inner = yield* this.#list(next);
      for (const one of inner.reverse()) waiting.push(one);
    }
    return [];
  }

  /** What is in a folder (undefined: the root) without its folders, which are the answer. */
  *#list(folder: PathBytes | undefined): Generator<Finding[], PathBytes[]> {
    let names: PathBytes[];
    let own: BigIntStats;
    try {
      own = lstatSync(this.#absolute(folder), { bigint: true });
      if (!own.isDirectory()) return [];
      names = readdirSync(this.#absolute(folder), 'latin1');
    } catch (error) {
      if (folder === undefined) throw this.#unreadable(error);
      const failure = this.#failure(folder, error);
      if (failure !== undefined) yield [failure];
      return [];
    }
    names.sort();
    const folders: PathBytes[] = [];
    let isBare = true;
    for (let at = 0; at < names.length; at += BATCH) {
      const findings = this.#lookAtAll(folder, names.slice(at, at + BATCH), folders);
      isBare &&= !findings.some((finding) => 'entry' in finding);
      yield findings;
    }
    if (folder !== undefined && isBare && folders.length === 0) yield [this.#seen(folder, 'directory', own)];
    return folders;
  }

  /** What is found under these names of a folder; its folders are added to others. */
  #lookAtAll(folder: PathBytes | undefined, names: PathBytes[], folders: PathBytes[]): Finding[] {
    const findings: Finding[] = [];
    for (const name of names) {
      if (folder === undefined && name === LOCATION_MARKER) continue;
      const path = folder === undefined ? name : `${folder}/${name}`;
      const found = this.#look(path);
      if (found === 'folder') folders.push(path);
      else if (found !== undefined) findings.push(found);
    }
    return findings;
  }

  /** What is at a path, or nothing where it vanished. */
  #look(path: PathBytes): 'folder' | Finding | undefined {
    if (path.length > MAX_PATH)
      return refused(path, 'unsupported', 'Its path is too long to be unpacked again.');
    try {
      const stats = lstatSync(this.#absolute(path), { bigint: true });
      if (stats.isDirectory()) return 'folder';
      if (stats.isSymbolicLink()) return this.#seen(path, 'symlink', stats);
      if (!stats.isFile()) return refused(path, 'unsupported', `It is ${specialKind(stats)}, not a file.`);
      const module = isFitsName(path) ? readInstrumentModuleSync(this.#absolute(path)) : undefined;
      return this.#seen(path, 'file', stats, module);
    } catch (error) {
      return this.#failure(path, error);
    }
  }

  #failure(path: PathBytes, error: unknown): { refused: RefusedEntry } | undefined {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ENAMETOOLONG') return refused(path, 'unsupported', 'Its path is too long to open.');
    if (['EACCES', 'EPERM', 'EIO'].includes(code))
      return refused(path, 'unreadable', `It could not be read (${code}).`);
    throw classifyDiskError(error, { subject: textOfBytes(path) });
  }

  #unreadable(cause: unknown): PermanentError {
    const subject = printable(textOfBytes(this.#root));
    return new PermanentError(`The source ${subject} may not be read`, {
      subject,
      advice: READ_ADVICE,
      cause,
    });
  }

  #seen(path: PathBytes, kind: EntryKind, stats: BigIntStats, instrumentModule?: string): Seen {
    const entry = {
      path: textOfBytes(path),
      kind,
      size: kind === 'file' ? Number(stats.size) : 0,
      mtimeNs: stats.mtimeNs.toString(),
      ctimeNs: stats.ctimeNs.toString(),
      quiet: isQuiet(stats, this.#plan),
    };
    return { entry, instrumentModule };
  }

  #absolute(path: PathBytes | undefined): string | Buffer {
    return systemPath(path === undefined ? this.#root : `${this.#root}/${path}`);
  }
}

export function open(plan: WalkPlan): SourceWalk {
  return new SourceWalk(plan);
}

/** Walks through the same source, each in a thread of its own. */
export function takeSourceWalks(count: number, plan: WalkPlan): Promise<Lease<SourceWalk>[]> {
  return takeThreads<SourceWalk>(count, new URL(import.meta.url), plan);
}

/** Whether it was left alone long enough. A time in the future says nothing: then its last change of any kind counts. */
function isQuiet(stats: BigIntStats, { now, quietSeconds }: WalkPlan): boolean {
  const written = Number(stats.mtimeMs) > now ? Number(stats.ctimeMs) : Number(stats.mtimeMs);
  return now - written >= quietSeconds * 1000;
}

function refused(path: PathBytes, kind: RefusedEntry['kind'], reason: string): { refused: RefusedEntry } {
  return { refused: { path: textOfBytes(path), kind, reason } };
}

function specialKind(stats: BigIntStats): string {
  if (stats.isSocket()) return 'a socket';
  return stats.isFIFO() ? 'a fifo' : 'a device';
}
