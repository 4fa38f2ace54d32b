import { constants } from 'node:fs';
import { open, rename, stat, type FileHandle } from 'node:fs/promises';
import { DataTransferError } from '../../exceptions.js';
import { ifPresent, removeIfPresent, syncDirectory, writeAll } from '../../utilities/disk.js';
import { MIB } from './frames.js';
import { Journal } from './journal.js';
import { current, MOST_TOLD, type Piece } from './pieces.js';
import { Ranges } from './ranges.js';
import { Slots } from './slots.js';
import { diskFailure, partPath, requireSpace, targetPath, type Target } from './target.js';

/** Pieces are brought to disk together: as soon as there are so many bytes, and no later than after so many milliseconds. */
const GROUP_BYTES = 32 * MIB;
const GROUP_MS = 50;
/** Files that are flushed at once: a flush holds one of the few threads in which all disk work of the process is done, and what comes must be written meanwhile. */
const flushes = new Slots(2);

/** A promise with the means to settle it. */
interface PromiseWithResolvers<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
}

interface Group {
  pieces: Piece[];
  bytes: number;
  kept: PromiseWithResolvers<void>;
}

/**
 * A file that comes in pieces, in any order, from any number of connections: written at their places into a partial file, brought to disk in
 * groups, noted in a journal, and renamed once all are there. What is noted outlives every crash.
 *
 * Two attempts at the same file share it. Two processes may have the same file open too, since both write the same bytes at the same places
 * and the one that renames second finds the target there.
 */
export class ReceivingFile {
  readonly target: Target;
  readonly #part: FileHandle;
  readonly #journal: Journal;
  /** In the order in which they came. */
  readonly #pieces: Piece[];
  readonly #there = new Ranges();
  /** With what was written and is not on disk yet. */
  readonly #written = new Ranges();
  #group: Group | undefined;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  /** Somebody wants it published as soon as it is whole. */
  #wanted: PromiseWithResolvers<void> | undefined;
  #isPublishing = false;
  #state: 'open' | 'published' | 'given up' = 'open';

  private constructor(target: Target, part: FileHandle, journal: Journal, pieces: Piece[]) {
    this.target = target;
    this.#part = part;
    this.#journal = journal;
    this.#pieces = pieces;
    for (const { offset, length } of pieces) {
      this.#there.add(offset, offset + length);
      this.#written.add(offset, offset + length);
    }
  }

  /**
   * Goes on with the partial file that is there, or begins one.
   *
   * @throws StorageError where there is no room for what is missing; nothing was made then
   */
  static async open(target: Target): Promise<ReceivingFile> {
    const path = partPath(target);
    const before = await ifPresent(stat(path));
    // Blocks, not size: the places of pieces that are missing take no room yet.
    await requireSpace(target, target.bytes - Math.min(target.bytes, (before?.blocks ?? 0) * 512));
    const part = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW);
    try {
      const { ino, size } = await part.stat({ bigint: true });
      if (size > target.bytes) await part.truncate(target.bytes);
      const { journal, pieces } = await Journal.open(`${path}.pieces`, { ...target, inode: ino });
      await syncDirectory(target.directory);
      const whole = pieces.filter(
        ({ offset, length }) => offset + length <= Math.min(Number(size), target.bytes),
      );
      return new ReceivingFile(target, part, journal, whole);
    } catch (error) {
      await part.close();
      throw await diskFailure(error, target, target.bytes);
    }
  }

  /** The pieces that are there, for a sender who checks them against the origin. */
  get held(): Piece[] {
    return current(this.#pieces).slice(0, MOST_TOLD);
  }

  get isPublished(): boolean {
    return this.#state === 'published';
  }

  /** Writes a piece that was checked at its place; it is not on disk yet. */
  async write(data: Buffer, position: number): Promise<void> {
    if (this.#state === 'published') return;
    try {
      await writeAll(this.#part, data, position);
    } catch (error) {
      throw await this.#failure(error);
    }
  }

  /** Resolves when a piece that was written is on disk and noted. */
  keep(piece: Piece): Promise<void> {
    if (this.#state === 'published') return Promise.resolve();
    if (this.#state === 'given up') return Promise.reject(givenUp(this.target));
    const group = (this.#group ??= newGroup());
    group.pieces.push(piece);
    group.bytes += piece.length;
    this.#written.add(piece.offset, piece.offset + piece.length);
    this.#timer ??= setTimeout(() => void this.#flush(), GROUP_MS);
    const isLast = this.#wanted !== undefined && this.#written.bytes === this.target.bytes;
    if (isLast || group.bytes >= GROUP_BYTES) void this.#flush();
    return group.kept.promise;
  }

  /** Resolves when the file has its name, which it gets as soon as it is whole. */
  async publish(): Promise<void> {
    if (this.#state === 'given up') throw givenUp(this.target);
    if (this.#state === 'published') return;
    this.#wanted ??= withResolvers();
    const { promise } = this.#wanted;
    await this.#flush();
    await this.#publishIfWhole();
    await promise;
  }

  /** Publishes the file if it is whole; false where pieces are missing. */
  async check(): Promise<boolean> {
    await this.#flush();
    if (this.#state === 'open' && this.#there.bytes < this.target.bytes) return false;
    await this.publish();
    return true;
  }

  /** Removes what has come: it is not what it should be. */
  async discard(): Promise<void> {
    if (this.#state === 'published') return;
    this.#state = 'given up';
    await removeIfPresent(partPath(this.target));
    await removeIfPresent(`${partPath(this.target)}.pieces`);
  }

  /** Releases the file; what is noted stays for the next attempt. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#flush();
    this.#wanted?.reject(givenUp(this.target));
    await this.#part.close();
    await this.#journal.close();
  }

  async #publishIfWhole(): Promise<void> {
    const wanted = this.#wanted;
    const isWhole = this.#there.bytes === this.target.bytes;
    if (wanted === undefined || !isWhole || this.#state !== 'open' || this.#isPublishing) return;
    this.#isPublishing = true;
    try {
      await this.#rename();
      this.#state = 'published';
      wanted.resolve();
    } catch (error) {
      wanted.reject(error);
    }
    this.#isPublishing = false;
    this.#wanted = undefined;
  }

  async #rename(): Promise<void> {
    const [from, to] = [partPath(this.target), targetPath(this.target)];
    // Pieces may have been noted by another process: that they are on disk is sure only after this.
    await this.#part.datasync();
    const renamed = await ifPresent(rename(from, to).then(() => true));
    await syncDirectory(this.target.directory);
    // Gone before: somebody else has published it, or taken it away.
    if (renamed === undefined && (await ifPresent(stat(to)))?.size !== this.target.bytes)
      throw givenUp(this.target);
    await removeIfPresent(`${from}.pieces`);
  }

  /** Brings everything that was written before to disk, one group after the other. */
  async #flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const group = this.#group;
    if (group === undefined) return;
    this.#group = undefined;
    this.#flushing = this.#bringToDisk(group);
    await this.#flushing;
    this.#flushing = undefined;
  }

  async #bringToDisk({ pieces, kept: { resolve, reject } }: Group): Promise<void> {
    try {
      await flushes.run(async () => {
        await this.#part.datasync();
        await this.#journal.append(pieces);
      });
      for (const { offset, length } of pieces) this.#there.add(offset, offset + length);
      this.#pieces.push(...pieces);
      resolve();
      await this.#publishIfWhole();
    } catch (cause) {
      const error = await this.#failure(cause);
      // After a failed flush nobody knows what is on disk; a later one would say that all is well. The next attempt believes the journal.
      if (this.#state === 'open') this.#state = 'given up';
      reject(error);
      this.#wanted?.reject(error);
    }
  }

  #failure(error: unknown): Promise<unknown> {
    return diskFailure(error, this.target, this.target.bytes - this.#written.bytes);
  }
}

function newGroup(): Group {
  return { pieces: [], bytes: 0, kept: withResolvers() };
}

/** Whoever needs it hears of its failure: nobody else has to. */
function withResolvers(): PromiseWithResolvers<void> {
  let [resolve, reject]: [() => void, (reason: unknown) => void] = [() => undefined, () => undefined];
  const promise = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]));
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

function givenUp({ name }: Target): DataTransferError {
  return new DataTransferError(`the partial file of ${name} was given up`, {
    subject: name,
    advice: 'The next attempt begins with what is known to be on disk.',
  });
}
