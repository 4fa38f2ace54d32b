import { workContext } from '../decorators.js';
import { DataCorruptionError, DataTransferError, StorageError } from '../exceptions.js';
import { checkPlainName } from '../utilities/disk.js';
import { InFlight } from '../utilities/in-flight.js';
import { outcomeOf, settled } from '../utilities/settled.js';
import { readSource } from './read-source.js';
import type { SendRequest, SendResult } from './transport.js';

/** Written bytes are flushed at least this often, so that the last flush of a large file is no long silence. */
const FLUSH_BYTES = 128 * 1024 * 1024;
const FULL_DISK_DELAY = 30;

/** A directory at the other end, as far as sending a file needs it. Names are plain names in it. */
export interface Destination {
  /** Its path there, for messages. */
  readonly directory: string;
  /** Bytes of one write. */
  readonly chunkBytes: number;
  /** Whether a whole file costs no more than its digest: then one that is digested on arrival is not digested here. */
  readonly isNear?: boolean;
  /** @throws ConfigurationError where the directory itself is missing */
  requireDirectory(): Promise<void>;
  /**
   * Bytes of the file of this name, undefined where there is none.
   *
   * @throws DestinationFileExistsError when something else than a file has this name
   */
  size(name: string): Promise<number | undefined>;
  /** Whether a file of the right size may be taken for the one to be sent. */
  holds(request: SendRequest): Promise<boolean>;
  /** Bytes that may still be written. */
  free(): Promise<number>;
  /** Whether a failed write failed for lack of space. */
  isFull(error: unknown): Promise<boolean>;
  remove(name: string): Promise<void>;
  /** Bytes before the end of a partial file that may not all be there, when a send of a file of so many bytes was cut off. */
  inDoubt(bytes: number): number;
  /** Opens a file for writing at any position; makes it where there is none, and keeps what is in it. */
  open(name: string): Promise<DestinationFile>;
  /** Gives a file its final name for good. That `from` is gone, because another attempt did the same, is success. */
  rename(from: string, to: string): Promise<void>;
}

export interface DestinationFile {
  /** How many writes may be on their way at once, by now. */
  readonly writesInFlight: number;
  write(data: Buffer, position: number): Promise<void>;
  /** Brings to disk what was written by all calls of `write` before this one. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** How the bytes get into the partial file. */
interface Way {
  /** Its name. */
  part?: string;
  /** Makes it whole: all bytes of the file, flushed. `from` is where it ends now. */
  copy?: (destination: Destination, part: string, request: SendRequest, from: number) => Promise<void>;
}

/**
 * Sends one file: beside its target, flushed, then renamed.
 *
 * Two attempts may run at once, because one that timed out elsewhere may not know it yet. They share the partial file: its
 * name has the digest in it, so both write the same bytes at the same positions, each all of them from where it began; whichever
 * comes second finds the target in place. What two attempts could still do to each other, the destination's verification finds.
 */
export async function sendFile(
  destination: Destination,
  request: SendRequest,
  { part = partName(request.name, request.sha256), copy = copyByWrites }: Way = {},
): Promise<SendResult> {
  const { bytes } = request;
  const name = checkPlainName(request.name);
  // Asked together: over a long line each answer takes its time.
  const looks = settled(Promise.all([destination.size(name), destination.size(part)]));
  await destination.requireDirectory();
  const [existing, begun] = outcomeOf(await looks);
  if (existing === bytes && (await destination.holds(request))) {
    workContext()?.note?.(`${name}: is there already`);
    return { bytesSent: 0, alreadyThere: true };
  }
  if (existing !== undefined) await destination.remove(name);

  const partial = await resumeAt(destination, part, { bytes, begun });
  if (partial > 0) workContext()?.note?.(`${name}: goes on after ${partial} bytes that are there already`);
  await requireSpace(destination, request, bytes - partial);
  try {
    await copy(destination, part, request, partial);
  } catch (error) {
    // The partial file ends with bytes that nobody may go on from.
    if (error instanceof DataCorruptionError) await destination.remove(part);
    if (!(await destination.isFull(error))) throw error;
    const [written = 0, free] = await Promise.all([destination.size(part), destination.free()]);
    throw noSpace(request.name, Math.max(0, bytes - written), free, destination.directory);
  }
  await destination.rename(part, name);
  const published = await destination.size(name);
  if (published !== bytes) {
    throw new DataTransferError(`${name} arrived with ${published ?? 'no'} bytes instead of ${bytes}`, {
      subject: name,
    });
  }
  return { bytesSent: bytes - partial, alreadyThere: false };
}

/** Of a file on its way: a partial file of other bytes that shall have the same name is never gone on with. */
export function partName(name: string, sha256: string, kind = ''): string {
  return `${name}.${sha256.slice(0, 12)}${kind}.part`;
}

async function resumeAt(
  destination: Destination,
  part: string,
  { bytes, begun = 0 }: { bytes: number; begun: number | undefined },
): Promise<number> {
  if (begun <= bytes) return Math.max(0, begun - destination.inDoubt(bytes));
  await destination.remove(part);
  return 0;
}

/** Reads the whole file, so that all of it is digested, and writes what the destination lacks. */
async function copyByWrites(
  destination: Destination,
  part: string,
  request: SendRequest,
  from: number,
): Promise<void> {
  const file = await destination.open(part);
  const writes = new InFlight(() => file.writesInFlight);
  let [flushedAt, done] = [from, from];
  let flushed = settled(Promise.resolve());
  try {
    for await (const { position, data, release } of readSource(request, destination.chunkBytes, {
      undigested: destination.isNear === true && request.digestedOnArrival === true,
    })) {
      const end = position + data.length;
      if (end <= from) {
        release();
        request.onProgress?.(end);
        continue;
      }
      const missing = data.subarray(Math.max(0, from - position));
      await request.pace?.(missing.length);
      const write = file.write(missing, end - missing.length);
      await writes.add(
        write.then(() => {
          release();
          request.onProgress?.((done += missing.length));
        }),
      );
      if (end - flushedAt >= FLUSH_BYTES) {
        outcomeOf(await flushed);
        flushed = settled(file.flush());
        flushedAt = end;
      }
    }
    await writes.drain();
    outcomeOf(await flushed);
    await file.flush();
  } finally {
    await Promise.all([writes.settle(), flushed]);
    await file.close();
  }
}

async function requireSpace(destination: Destination, request: SendRequest, needed: number): Promise<void> {
  const free = await destination.free();
  if (free < needed) throw noSpace(request.name, needed, free, destination.directory);
}

/** A full disk at the destination; it is looked at again by itself. */
export function noSpace(subject: string, needed: number, free: number, directory?: string): StorageError {
  const where = directory === undefined ? '' : `, in ${directory}`;
  return new StorageError(
    `no space for ${subject} at the destination${where}: ${needed} bytes needed, ${free} free`,
    {
      subject,
      advice: 'Free space at the destination; the work goes on by itself.',
      context: { needed, free },
      retryAfterSeconds: FULL_DISK_DELAY,
    },
  );
}
