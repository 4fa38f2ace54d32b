import { createHash, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { DataCorruptionError } from '../exceptions.js';
import { classifyDiskError } from '../utilities/disk.js';
import type { SendRequest } from './transport.js';

/** The file of a request at the origin: read from its begin to its end and digested on the way. */
export class SourceFile {
  readonly #file: FileHandle;
  readonly #request: SendRequest;
  readonly #hash: Hash = createHash('sha256');

  private constructor(file: FileHandle, request: SendRequest) {
    this.#file = file;
    this.#request = request;
  }

  /** @throws DataCorruptionError when it has another size than the request says, PermanentError when it can't be opened */
  static async open(request: SendRequest): Promise<SourceFile> {
    return new SourceFile(await openSource(request), request);
  }

  /** Reads up to so many bytes as the buffer holds; at least one. @throws DataCorruptionError at the end of the file */
  async readSome(into: Buffer, position: number): Promise<Buffer> {
    const { bytesRead } = await onDisk(this.#request, this.#file.read(into, 0, into.length, position));
    if (bytesRead > 0 || into.length === 0) return into.subarray(0, bytesRead);
    throw corrupt(this.#request, `ends after ${position} of ${this.#request.bytes} bytes`);
  }

  /** Fills the buffer. */
  async read(into: Buffer, position: number): Promise<void> {
    for (let done = 0; done < into.length;) {
      done += (await this.readSome(into.subarray(done), position + done)).length;
    }
  }

  /** What comes next in the file. */
  digest(data: Buffer): void {
    this.#hash.update(data);
  }

  /** @throws DataCorruptionError when what was digested is not what the request says */
  verify(): void {
    const sha256 = this.#hash.digest('hex');
    if (sha256 !== this.#request.sha256)
      throw corrupt(this.#request, `has the SHA-256 ${sha256} instead of ${this.#request.sha256}`);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * Opens the file of a request.
 *
 * @throws DataCorruptionError when it has another size than the request says, PermanentError when it can't be opened
 */
export async function openSource(request: SendRequest): Promise<FileHandle> {
  const file = await onDisk(request, open(request.file, 'r'));
  try {
    const { size } = await onDisk(request, file.stat());
    if (size !== request.bytes) throw corrupt(request, `has ${size} bytes instead of ${request.bytes}`);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What is done with the file of a request, its failure classified. */
export async function onDisk<T>(request: SendRequest, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw classifyDiskError(error, { subject: request.file });
  }
}

/** The error for a file at the origin that is not what it should be. */
export function corrupt(request: SendRequest, what: string): DataCorruptionError {
  return new DataCorruptionError(`${request.file} ${what}`, {
    subject: request.name,
    advice:
      'The copy at the origin is not what the catalogue knows. Nothing was published at the destination.',
  });
}
