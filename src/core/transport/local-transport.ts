import { constants } from 'node:fs';
import { lstat, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, DestinationFileExistsError } from '../exceptions.js';
import { DirectFile } from '../utilities/direct-file.js';
import {
  classifyDiskError,
  freeSpace,
  ifPresent,
  isFull,
  removeIfPresent,
  syncDirectory,
} from '../utilities/disk.js';
import { digestOfFile } from '../utilities/file-digest.js';
import { sendFile, type Destination, type DestinationFile } from './send-file.js';
import type { SendRequest, SendResult, Transport } from './transport.js';

/** Between two directories that this host can reach: one machine, or a shared file system. */
export class LocalTransport implements Transport {
  readonly name = 'local';
  readonly parallelSends = 1;
  readonly #destination: LocalDestination;

  constructor(directory: string) {
    this.#destination = new LocalDestination(directory);
  }

  async send(request: SendRequest): Promise<SendResult> {
    request.signal?.throwIfAborted();
    try {
      return await sendFile(this.#destination, request);
    } catch (error) {
      request.signal?.throwIfAborted();
      throw classifyDiskError(error, { subject: request.name });
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class LocalDestination implements Destination {
  readonly chunkBytes = 1024 * 1024;
  readonly isNear = true;
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** It is never made here: a missing one may be a disk that is not mounted. */
  async requireDirectory(): Promise<void> {
    const found = await ifPresent(stat(this.directory));
    if (found?.isDirectory() === true) return;
    throw new ConfigurationError(`the destination ${this.directory} is no directory`, {
      subject: this.directory,
      advice: 'Make the directory or mount its disk, or correct the path of the location in the topology.',
    });
  }

  async size(name: string): Promise<number | undefined> {
    const found = await ifPresent(lstat(this.#path(name)));
    if (found === undefined || found.isFile()) return found?.size;
    throw new DestinationFileExistsError(`${this.#path(name)} is there and is no regular file`, {
      subject: name,
      advice: 'Remove it at the destination, then retry.',
    });
  }

  /** Compares digests; what is read counts as progress. */
  async holds({ name, sha256, signal, onProgress }: SendRequest): Promise<boolean> {
    return (await digestOfFile(this.#path(name), { signal, onProgress })).sha256 === sha256;
  }

  async free(): Promise<number> {
    return (await freeSpace(this.directory)).free;
  }

  isFull(error: unknown): Promise<boolean> {
    return Promise.resolve(isFull(error));
  }

  /** One write after the other: what is there is whole. */
  inDoubt(): number {
    return 0;
  }

  remove(name: string): Promise<void> {
    return removeIfPresent(this.#path(name));
  }

  async open(name: string): Promise<DestinationFile> {
    return new LocalFile(
      await DirectFile.open(this.#path(name), constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW),
    );
  }

  async rename(from: string, to: string): Promise<void> {
    await ifPresent(rename(this.#path(from), this.#path(to)));
    await syncDirectory(this.directory);
  }

  #path(name: string): string {
    return join(this.directory, name);
  }
}

class LocalFile implements DestinationFile {
  readonly writesInFlight = 1;
  readonly #file: DirectFile;

  constructor(file: DirectFile) {
    this.#file = file;
  }

  write(data: Buffer, position: number): Promise<void> {
    return this.#file.write(data, position);
  }

  flush(): Promise<void> {
    return this.#file.handle.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
