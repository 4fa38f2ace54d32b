import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { writeAll } from './disk.js';

/**
 * Where a disk and its file system let bytes pass by the cache of the system (`O_DIRECT`, Linux open(2)), they begin and end at multiples of this: in
 * the file, and in memory. No sector and no page is larger on the machines that this is for.
 */
export const ALIGNMENT = 4096;

/**
 * A file whose bytes go between memory and disk past the system's cache: what is read comes from the disk, and nobody pays for pages of cache that
 * are needed once. Only bytes of which the place in the file and the place in their memory are equally far from a multiple of {@link ALIGNMENT} can do
 * so (see `shared-memory.ts`); all others, and all where the file system does not let them, go through the cache, with the same outcome.
 * Throws the errors of the system.
 */
export class DirectFile {
  /** The file as everybody has it. */
  readonly handle: FileHandle;
  #direct: FileHandle | undefined;

  private constructor(handle: FileHandle, direct: FileHandle | undefined) {
    this.handle = handle;
    this.#direct = direct;
  }

  /** Opens a file as `open` does, for reading, for writing or for both. */
  static async open(path: string, flags: number = constants.O_RDONLY, mode?: number): Promise<DirectFile> {
    return DirectFile.over(await open(path, flags, mode), { flags });
  }

  /**
   * A file that is open, and closed together with this.
   *
   * @param how `flags` that it was opened with; `blockBytes` of which its bytes will come
   */
  static async over(
    handle: FileHandle,
    { flags = constants.O_RDONLY, blockBytes = ALIGNMENT }: { flags?: number; blockBytes?: number } = {},
  ): Promise<DirectFile> {
    return new DirectFile(handle, blockBytes % ALIGNMENT === 0 ? await openAgain(handle, flags) : undefined);
  }

  /** Whether bytes still pass by the cache. */
  get isDirect(): boolean {
    return this.#direct !== undefined;
  }

  /** Fills the buffer from a place in the file; fewer only at the file's end. Answers with how many. */
  async read(into: Buffer, position: number): Promise<number> {
    for (let done = 0; done < into.length;) {
      const bytesRead = await this.#readSome(into.subarray(done), position + done);
      if (bytesRead === 0) return done;
      done += bytesRead;
    }
    return into.length;
  }

  /** Writes all bytes at a place. */
  async write(bytes: Buffer, position: number): Promise<void> {
    const begin = Math.min(bytes.length, -position & (ALIGNMENT - 1));
    const end = bytes.length - ((position + bytes.length) % ALIGNMENT);
    const middle = begin < end ? bytes.subarray(begin, end) : undefined;
    const direct = middle === undefined ? undefined : this.#directFor(middle, position + begin);
    if (middle === undefined || direct === undefined) return writeAll(this.handle, bytes, position);
    await writeAll(this.handle, bytes.subarray(0, begin), position);
    const written = await this.#unlessRefused(direct.write(middle, 0, middle.length, position + begin));
    // The whole, or what a disk that is nearly full did not take: it says why when it is asked again.
    const done = begin + (written?.bytesWritten ?? 0);
    await writeAll(this.handle, bytes.subarray(done), position + done);
  }

  async close(): Promise<void> {
    try {
      await this.#direct?.close();
    } finally {
      await this.handle.close();
    }
  }

  async #readSome(into: Buffer, position: number): Promise<number> {
    const whole = into.subarray(0, into.length - (into.length % ALIGNMENT));
    const direct = whole.length === 0 ? undefined : this.#directFor(whole, position);
    const read = direct && (await this.#unlessRefused(direct.read(whole, 0, whole.length, position)));
    return (read ?? (await this.handle.read(into, 0, into.length, position))).bytesRead;
  }

  #directFor(bytes: Buffer, position: number): FileHandle | undefined {
    return position % ALIGNMENT === 0 && bytes.byteOffset % ALIGNMENT === 0 ? this.#direct : undefined;
  }

  /** Some file systems say at the first bytes only that they want them through the cache. */
  async #unlessRefused<T>(act: Promise<T>): Promise<T | undefined> {
    try {
      return await act;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      const refused = this.#direct;
      this.#direct = undefined;
      await refused?.close();
      return undefined;
    }
  }
}

/** The same file once more, past the cache; undefined where that is not to be had, for whatever reason. */
async function openAgain(handle: FileHandle, flags: number): Promise<FileHandle | undefined> {
  const access = flags & (constants.O_WRONLY | constants.O_RDWR);
  try {
    return await open(`/proc/self/fd/${handle.fd}`, access | constants.O_DIRECT);
  } catch {
    return undefined;
  }
}
