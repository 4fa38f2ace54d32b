import type { FileHandle } from 'node:fs/promises';
import { takeDigest } from '../utilities/digest-session.js';
import { InFlight } from '../utilities/in-flight.js';
import { outcomeOf, settled } from '../utilities/settled.js';
import { sharedBlock } from '../utilities/threads.js';
import { corrupt, onDisk, openSource } from './source-file.js';
import type { SendRequest } from './transport.js';

const CHECK_CHUNK_BYTES = 1024 * 1024;

export interface Chunk {
  /** Where in the file it begins. */
  position: number;
  /** Never reused: whoever takes it may keep it until it is sent. */
  data: Buffer;
}

/** Chunks that a thread digests or has before it. */
const DIGESTS_IN_FLIGHT = 4;

/**
 * Reads the file of a request from its begin to its end, the next chunk while the last one is used, and digests it.
 * Stops at a chunk's border when the request's signal is aborted.
 *
 * @throws DataCorruptionError at the end when the file's size or digest is not what the request says
 */
export async function* readSource(request: SendRequest, chunkBytes: number): AsyncGenerator<Chunk> {
  const file = await openSource(request);
  try {
    yield* readFrom(file, request, chunkBytes);
  } finally {
    await file.close();
  }
}

/** Reads the file of a request for its digest alone; see {@link readSource}. */
export async function checkSource(request: SendRequest): Promise<void> {
  const chunks = readSource(request, CHECK_CHUNK_BYTES);
  while ((await chunks.next()).done !== true);
}

async function* readFrom(file: FileHandle, request: SendRequest, chunkBytes: number): AsyncGenerator<Chunk> {
  const hash = await takeDigest();
  const digests = new InFlight(DIGESTS_IN_FLIGHT);
  const read = (position: number) =>
    settled(readChunk(file, position, Math.min(chunkBytes, request.bytes - position)));
  let next = read(0);
  try {
    for (let position = 0; position < request.bytes;) {
      const data = await onDisk(request, next.then(outcomeOf));
      request.signal?.throwIfAborted();
      if (data.length === 0) throw corrupt(request, `ends after ${position} of ${request.bytes} bytes`);
      next = read(position + data.length);
      await digests.add(hash.session.update(data));
      yield { position, data };
      position += data.length;
    }
    await digests.drain();
    const sha256 = await hash.session.digest();
    if (sha256 !== request.sha256)
      throw corrupt(request, `has the SHA-256 ${sha256} instead of ${request.sha256}`);
  } finally {
    await next; // nobody may close the file under it
    await digests.settle();
    hash.release();
  }
}

async function readChunk(file: FileHandle, position: number, length: number): Promise<Buffer> {
  if (length <= 0) return Buffer.alloc(0);
  const { buffer, bytesRead } = await file.read(sharedBlock(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
