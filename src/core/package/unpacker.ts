import { createHash, randomBytes, type Hash } from 'node:crypto';
import { chmod, lutimes, open, rename, rm, symlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { PackageError } from '../exceptions.js';
import type { EntryKind } from '../states.js';
import { classifyDiskError, syncDirectory } from '../utilities/disk.js';
import { bytesOfText, textOfBytes, type PathText } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';
import { TarReader, type TarReaderEntry } from '../utilities/tar-reader.js';
import { PAYLOAD_FOLDER } from './bag.js';
import { SafeFolder } from './safe-folder.js';

/** A member of a package, as it was when it was read first. */
export interface ExpectedMember {
  /** Below the bag's `data/`. */
  path: PathText;
  kind: EntryKind;
  /** Bytes; 0 for links and directories. */
  size: number;
  /** Hex; files only. */
  sha256?: string;
}

const KINDS: Record<string, EntryKind> = { File: 'file', SymbolicLink: 'symlink', Directory: 'directory' };
const MAX_MISMATCHES = 100;
/** Files that are flushed and put into their place at the same time. */
const FINISHING = 8;

type Step =
  | { do: 'begin'; entry: TarReaderEntry; path: Buffer; member: ExpectedMember }
  | { do: 'write'; bytes: Buffer }
  | { do: 'end' };

interface OpenFile {
  handle: FileHandle;
  hash: Hash;
  part: string;
  place: Buffer;
  entry: TarReaderEntry;
  member: ExpectedMember;
}

/**
 * Writes wanted members of a package below a folder while its tar is pushed into it, under the names and in the structure that the instrument
 * gave them. A file gets its name only when its size and SHA-256 are those of the first read; so whatever has a name is whole, also
 * after a crash. What is damaged, missing or doubled in the tar is told by {@link Unpacker.end}, and nothing of it is written.
 *
 * Modes are those of the package, but that the owner may always read files and enter folders; times are whole seconds; symbolic
 * links are written as they are and never followed.
 */
export class Unpacker {
  /** Wanted files that are in their place now, and their bytes. */
  files = 0;
  bytes = 0;
  readonly #reader: TarReader;
  readonly #folder: SafeFolder;
  readonly #scratch: string;
  readonly #wanted = new Map<string, ExpectedMember>();
  readonly #mismatches: string[] = [];
  readonly #finishing = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;
  #steps: Step[] = [];
  #top: string | undefined;
  #takes = false;
  #file: OpenFile | undefined;

  /**
   * @param options.target a folder that exists
   * @param options.scratch a folder on the same disk, where files lie until they are whole
   * @param options.wanted what is to be written; all else in the tar is passed over
   */
  constructor(options: { target: string; scratch: string; wanted: ExpectedMember[] }) {
    this.#folder = new SafeFolder(options.target);
    this.#scratch = options.scratch;
    for (const member of options.wanted) this.#wanted.set(bytesOfText(member.path), member);
    this.#reader = new TarReader({
      onEntry: (entry) => this.#begin(entry),
      onContent: (bytes) => {
        if (this.#takes) this.#steps.push({ do: 'write', bytes });
      },
      onEntryEnd: () => {
        if (this.#takes) this.#steps.push({ do: 'end' });
        this.#takes = false;
      },
    });
  }

  /** Whether everything that is wanted went by. */
  get complete(): boolean {
    return this.#wanted.size === 0 && this.#file === undefined;
  }

  /** Bytes of the current entry that are still to come, where it is wanted. */
  get wantedLeft(): number {
    return this.#takes ? this.#reader.contentLeft : 0;
  }

  /** Bytes that come next and are not wanted. */
  get unwantedLeft(): number {
    return this.#takes ? 0 : this.#reader.contentLeft;
  }

  /** Passes over {@link unwantedLeft}: the next bytes pushed must be those behind them. */
  skip(): number {
    return this.#takes ? 0 : this.#reader.skipContent();
  }

  /**
   * Takes the next bytes of the tar, which must not change afterwards.
   *
   * @throws PackageError where they are no tar of the kind that packages are; StorageError or PermanentError where they can't be written
   */
  async push(bytes: Buffer): Promise<void> {
    this.#reader.push(bytes);
    for (const step of this.#steps.splice(0)) await this.#act(step);
  }

  /**
   * Waits until all that was written lasts.
   *
   * @param wholeTar whether the tar was pushed to its end
   * @returns what of the wanted is damaged or missing, as sentences
   */
  async end(wholeTar: boolean): Promise<string[]> {
    await Promise.all(this.#finishing);
    this.#throwFailure();
    for (const folder of this.#folder.folders) await syncDirectory(folder);
    if (wholeTar) this.#unlessDamaged(() => this.#reader.end());
    for (const path of this.#wanted.keys()) this.#tell(`${shown(path)} is missing`);
    return this.#mismatches;
  }

  /** Removes what is not whole; to be called however the work ends. */
  async discard(): Promise<void> {
    await Promise.all(this.#finishing);
    if (this.#file === undefined) return;
    const { handle, part } = this.#file;
    this.#file = undefined;
    await handle.close();
    await rm(part, { force: true });
  }

  #begin(entry: TarReaderEntry): void {
    const path = entry.path.toString('latin1');
    const [top = '', ...below] = path.split('/');
    this.#top ??= top;
    if (top === '' || top !== this.#top) throw hostile(path, "is not in the bag's folder");
    if (below.some((part) => part === '' || part === '.' || part === '..') || path.includes('\0'))
      throw hostile(path, 'is no path of a bag');
    const kind = KINDS[entry.type];
    if (kind === undefined) throw hostile(path, `is a ${entry.type}, which no package has`);
    if (kind !== 'file' && entry.size > 0) throw hostile(path, `is a ${entry.type} with content`);
    if (below[0] !== PAYLOAD_FOLDER) return;
    const payload = below.slice(1).join('/');
    const member = this.#wanted.get(payload);
    if (member === undefined) return;
    // Only the first of a name counts: a second one is passed over, and found out by the digest of the whole.
    this.#wanted.delete(payload);
    if (kind !== member.kind || entry.size !== member.size) {
      this.#tell(
        `${shown(payload)} is a ${kind} of ${entry.size} bytes instead of a ${member.kind} of ${member.size}`,
      );
      return;
    }
    this.#takes = true;
    this.#steps.push({ do: 'begin', entry, path: Buffer.from(payload, 'latin1'), member });
  }

  async #act(step: Step): Promise<void> {
    this.#throwFailure();
    if (step.do === 'begin') await this.#open(step);
    else if (this.#file === undefined) return;
    else if (step.do === 'write') await this.#write(this.#file, step.bytes);
    else await this.#close(this.#file);
  }

  async #open({ entry, path, member }: Extract<Step, { do: 'begin' }>): Promise<void> {
    const part = join(this.#scratch, `${randomBytes(8).toString('hex')}.part`);
    try {
      if (member.kind === 'directory') {
        const folder = await this.#folder.makeFolder(path);
        await chmod(folder, (entry.mode & 0o777) | 0o700);
        return;
      }
      const place = await this.#folder.place(path);
      if (member.kind === 'symlink') {
        await symlink(entry.linkTarget ?? Buffer.alloc(0), part);
        await lutimes(part, entry.mtime, entry.mtime);
        await rename(part, place);
        return;
      }
      const handle = await open(part, 'wx', 0o600);
      this.#file = { handle, hash: createHash('sha256'), part, place, entry, member };
    } catch (error) {
      throw classifyDiskError(error, { operation: 'staging', subject: shown(path.toString('latin1')) });
    }
  }

  async #write(file: OpenFile, bytes: Buffer): Promise<void> {
    file.hash.update(bytes);
    try {
      await file.handle.writeFile(bytes);
    } catch (error) {
      throw classifyDiskError(error, { operation: 'staging', subject: file.part });
    }
  }

  async #close(file: OpenFile): Promise<void> {
    this.#file = undefined;
    if (file.hash.digest('hex') !== file.member.sha256) {
      this.#tell(`${printable(file.member.path)} has another SHA-256 than when it was read first`);
      await file.handle.close();
      await rm(file.part, { force: true });
      return;
    }
    const finishing = finish(file)
      .then(() => {
        this.files += 1;
        this.bytes += file.member.size;
      })
      .catch((error: unknown) => {
        this.#failure ??= { error: classifyDiskError(error, { operation: 'staging', subject: file.part }) };
      })
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
    if (this.#finishing.size >= FINISHING) await Promise.race(this.#finishing);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #unlessDamaged(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof PackageError)) throw error;
      this.#tell(error.message);
    }
  }

  #tell(mismatch: string): void {
    if (this.#mismatches.length < MAX_MISMATCHES) this.#mismatches.push(mismatch);
  }
}

/** Makes a file last, and only then gives it its name. */
async function finish({ handle, part, place, entry }: OpenFile): Promise<void> {
  try {
    await handle.chmod((entry.mode & 0o777) | 0o400);
    await handle.utimes(entry.mtime, entry.mtime);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(part, place);
}

function hostile(path: string, how: string): PackageError {
  return new PackageError(`${shown(path)} ${how}`, { operation: 'staging' });
}

function shown(path: string): string {
  return printable(textOfBytes(path));
}
