import { constants, type Stats } from 'node:fs';
import { link, lstat, mkdir, open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import {
  ConfigurationError,
  DestinationFileExistsError,
  PermanentError,
  StorageError,
} from '../exceptions.js';
import { copyByProgram } from '../utilities/copy-by-program.js';
import { BlockDigest } from '../utilities/block-digest.js';
import { ALIGNMENT, DirectFile } from '../utilities/direct-file.js';
import {
  classifyDiskError,
  freeSpace,
  ifPresent,
  insideDirectory,
  removeIfPresent,
  syncDirectory,
  writeFileAtomically,
} from '../utilities/disk.js';
import { digestOfFile } from '../utilities/file-digest.js';
import type { CopyProgram } from '../utilities/make-long-term-archive-copy-command.js';
import { beside } from '../utilities/settled.js';
import { giveBlock, takeBlock, throughBlocks } from '../utilities/shared-blocks.js';
import { uniqueId } from '../utilities/unique-id.js';
import type {
  ArchiveStore,
  ByteSource,
  ReadBack,
  ReadOptions,
  StoredObject,
  TransferOptions,
} from './archive-store.js';
import { MAX_JSON_BYTES, otherDigest, otherSize, parsedOrUndefined } from './archived-bytes.js';
import { fileSource } from './byte-source.js';
import { listDirectory } from './disk-listing.js';
import { RangeNoter } from './noted-ranges.js';

const OPERATION = 'long_term_archive_transfer';
const PIECE = 1024 * 1024;
/** Written bytes are flushed at least this often, so that the last flush of a large file is no long silence. */
const FLUSH_BYTES = 128 * PIECE;
const LEFTOVER_MS = 86_400_000;
/** Whoever owns the files of an archive may read them, and nobody writes to them. */
const READ_ONLY = 0o444;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/** An archive in a directory of this host: a disk, or a file system that the site's archive offers. The contract is that of {@link ArchiveStore}. */
export class DiskArchiveStore implements ArchiveStore {
  readonly #root: string;
  readonly #copyProgram: () => Promise<CopyProgram | undefined>;
  readonly #requireDisk: () => Promise<unknown>;

  /**
   * @param options `root`: its directory, which is never made here; `copyProgram`: who copies files, ourselves where it names none;
   *   `requireDisk`: throws where this is not the archive's own disk
   */
  constructor(options: {
    root: string;
    copyProgram?: () => Promise<CopyProgram | undefined>;
    requireDisk?: () => Promise<unknown>;
  }) {
    this.#root = options.root;
    this.#copyProgram = options.copyProgram ?? (() => Promise.resolve(undefined));
    this.#requireDisk = options.requireDisk ?? (() => Promise.resolve());
  }

  prepare(): Promise<void> {
    return this.requireStore();
  }

  async requireStore(): Promise<void> {
    const found = await this.#ask(this.#root, () => ifPresent(stat(this.#root)));
    if (found?.isDirectory() !== true)
      throw new ConfigurationError(`the archive ${this.#root} is no directory`, {
        operation: OPERATION,
        subject: this.#root,
        advice:
          'What is in it is not counted as lost. Make the directory or mount its disk, or correct its path in the topology.',
      });
    await this.#requireDisk();
  }

  async put(
    key: string,
    from: string | ByteSource,
    expected: { bytes: number; sha256: string },
    options: TransferOptions = {},
  ): Promise<StoredObject> {
    await this.requireStore();
    const file = this.#file(key);
    return await this.#ask(
      key,
      async () => {
        const there = await this.#sameOrThrow(key, expected, options);
        if (there !== undefined) return there;
        await this.#makeFolders(dirname(file));
        await this.#write(file, from, expected, options);
        const stored = await this.#sameOrThrow(key, expected, { signal: options.signal });
        if (stored !== undefined) return stored;
        throw new StorageError(`the archive took ${key} and does not have it`, {
          operation: OPERATION,
          subject: key,
        });
      },
      options.signal,
    );
  }

  async putJson(key: string, document: unknown): Promise<StoredObject> {
    await this.requireStore();
    return await this.#ask(key, async () => {
      const file = this.#file(key);
      await this.#makeFolders(dirname(file));
      await writeFileAtomically(file, `${JSON.stringify(document, null, 2)}\n`, READ_ONLY);
      return toStored(key, await lstat(file));
    });
  }

  async getJson(key: string): Promise<unknown> {
    const found = await this.head(key);
    if (found === undefined || found.bytes > MAX_JSON_BYTES) return undefined;
    return parsedOrUndefined(await this.#ask(key, () => readFile(this.#file(key), 'utf8')));
  }

  async head(key: string): Promise<StoredObject | undefined> {
    const found = await this.#ask(key, () => ifPresent(lstat(this.#file(key))));
    if (found === undefined) {
      await this.requireStore();
      return undefined;
    }
    return toStored(key, found);
  }

  async readBack(key: string, options: ReadOptions = {}): Promise<ReadBack> {
    return await this.#ask(
      key,
      async () => {
        const { ranges, ...through } = options;
        const noter = ranges && new RangeNoter(ranges);
        const onBytes = (bytes: Buffer) => noter?.add(bytes);
        const read = await digestOfFile(this.#file(key), { ...through, onBytes, flags: READ });
        return { ...read, ...(noter && { ranges: noter.noted() }) };
      },
      options.signal,
    );
  }

  async readRange(key: string, offset: number, length: number): Promise<Buffer> {
    return await this.#ask(key, async () => {
      const file = await DirectFile.open(this.#file(key), READ);
      const block = takeBlock(PIECE);
      try {
        const bytes = Buffer.alloc(length);
        const end = offset + length;
        // Whole blocks from a border on come from the disk.
        for (let at = offset - (offset % ALIGNMENT); at < end; at += PIECE) {
          const read = block.subarray(0, await file.read(block, at));
          if (at + read.length < Math.min(end, at + PIECE))
            throw new StorageError(`${key} ends before byte ${end}`, {
              operation: OPERATION,
              subject: key,
            });
          const from = Math.max(offset, at);
          read.copy(bytes, from - offset, from - at, end - at);
        }
        return bytes;
      } finally {
        giveBlock(block);
        await file.close();
      }
    });
  }

  async *list({ signal }: Pick<TransferOptions, 'signal'> = {}): AsyncGenerator<StoredObject[]> {
    await this.requireStore();
    const pages = listDirectory(this.#root, signal);
    for (;;) {
      const page = await this.#ask(this.#root, () => pages.next(), signal);
      if (page.done === true) return;
      yield page.value;
    }
  }

  /** Beside its place, checked, flushed, and then given its name, which takes no other file's place. */
  async #write(
    file: string,
    from: string | ByteSource,
    expected: { bytes: number; sha256: string },
    options: TransferOptions,
  ): Promise<void> {
    const { free } = await freeSpace(dirname(file));
    if (free < expected.bytes)
      throw new StorageError(
        `the archive has no space for ${file}: ${expected.bytes} bytes needed, ${free} free`,
        { operation: OPERATION, subject: file, advice: 'Free space in it; the work goes on by itself.' },
      );
    const beside = `.${basename(file).slice(0, 200)}.`;
    await removeLeftovers(dirname(file), beside);
    const part = join(dirname(file), `${beside}${uniqueId()}.part`);
    try {
      const program = await this.#copyProgram();
      if (typeof from === 'string' && program !== undefined) {
        await copyByProgram(program, from, part, options);
        await checkAndFlush(part, from, expected, options.signal);
      } else {
        const source = typeof from === 'string' ? await fileSource(from) : from;
        try {
          await copy(source, part, expected, options);
        } finally {
          if (typeof from === 'string') await source.close();
        }
      }
      // A rename would take the place of what another attempt put there meanwhile; a link does not.
      await link(part, file).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      });
    } finally {
      await removeIfPresent(part);
    }
    await syncDirectory(dirname(file));
  }

  /** What is under a key, if it has the expected bytes; they are read, since a disk keeps no digests. */
  async #sameOrThrow(
    key: string,
    expected: { bytes: number; sha256: string },
    options: TransferOptions,
  ): Promise<StoredObject | undefined> {
    const found = await this.head(key);
    if (found === undefined) return undefined;
    const read = found.bytes === expected.bytes ? await this.readBack(key, options) : undefined;
    if (read?.sha256 === expected.sha256) return found;
    throw new DestinationFileExistsError(`the archive has another object under ${key}`, {
      operation: OPERATION,
      subject: key,
      context: {
        expectedBytes: expected.bytes,
        foundBytes: found.bytes,
        expected: expected.sha256,
        found: read?.sha256 ?? null,
      },
      advice:
        'Nothing is overwritten in an archive. Find out what the file is and move it aside in the archive, then retry.',
    });
  }

  async #makeFolders(folder: string): Promise<void> {
    const made = await mkdir(folder, { recursive: true, mode: 0o755 });
    if (made === undefined) return;
    // Each new name is in the folder above it.
    for (let at = folder; ; at = dirname(at)) {
      await syncDirectory(dirname(at));
      if (at === made || relative(this.#root, at) === '') return;
    }
  }

  #file(key: string): string {
    return insideDirectory(this.#root, key);
  }

  async #ask<T>(subject: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await act();
    } catch (error) {
      signal?.throwIfAborted();
      throw classifyDiskError(error, { operation: OPERATION, subject });
    }
  }
}

/** Reads the source once; what is read is digested and written at the same time. */
async function copy(
  source: ByteSource,
  part: string,
  expected: { bytes: number; sha256: string },
  options: TransferOptions,
): Promise<void> {
  const size = await source.size();
  if (size !== expected.bytes) throw otherSize(source.name, size, expected.bytes);
  const hash = new BlockDigest();
  try {
    const file = await DirectFile.open(part, CREATE, 0o600);
    try {
      let flushed = 0;
      const fill = async (block: Buffer, position: number) => {
        const piece = block.subarray(0, Math.max(0, Math.min(block.length, size - position)));
        if (piece.length > 0) await source.read(position, piece);
        return piece.length;
      };
      await throughBlocks(fill, { ...options, ahead: 1 }, async (block, position) => {
        await beside(hash.update(block), async () => {
          await file.write(block, position);
          if (position - flushed < FLUSH_BYTES) return;
          flushed = position;
          await file.handle.datasync();
        });
      });
      if ((await hash.digest()) !== expected.sha256) throw otherDigest(source.name);
      await file.handle.chmod(READ_ONLY);
      await file.handle.sync();
    } finally {
      await file.close();
    }
  } finally {
    await hash.close();
  }
}

/** What a program wrote is trusted no more than what came over a line. */
async function checkAndFlush(
  part: string,
  name: string,
  expected: { bytes: number; sha256: string },
  signal?: AbortSignal,
): Promise<void> {
  const found = await digestOfFile(part, { signal, flags: READ });
  if (found.bytes !== expected.bytes) throw otherSize(name, found.bytes, expected.bytes);
  if (found.sha256 !== expected.sha256) throw otherDigest(name);
  const file = await open(part, READ);
  try {
    await file.chmod(READ_ONLY);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What an attempt that was killed left behind; one that may still be at work is left alone. */
async function removeLeftovers(folder: string, beside: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(beside) || !name.endsWith('.part')) continue;
    const found = await ifPresent(lstat(join(folder, name)));
    if (found !== undefined && Date.now() - found.mtimeMs > LEFTOVER_MS)
      await removeIfPresent(join(folder, name));
  }
}

function toStored(key: string, found: Stats): StoredObject {
  if (found.isFile()) return { key, bytes: found.size, lastModified: found.mtime.toISOString() };
  throw new PermanentError(`${key} is no regular file in the archive`, {
    operation: OPERATION,
    subject: key,
    advice: 'Move it aside in the archive, then retry.',
  });
}
