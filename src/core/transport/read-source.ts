import { takeDigest } from '../utilities/digest-session.js';
import { DirectFile } from '../utilities/direct-file.js';
import { InFlight } from '../utilities/in-flight.js';
import { outcomeOf, settled } from '../utilities/settled.js';
import { giveBlock, takeBlock } from '../utilities/shared-blocks.js';
import { corrupt, onDisk, openSource } from './source-file.js';
import type { SendRequest } from './transport.js';

const CHECK_CHUNK_BYTES = 1024 * 1024;

export interface Chunk {
  /** Where in the file it begins. */
  position: number;
  data: Buffer;
  /** Says that nobody uses the data any more; its memory is used for other chunks then. */
  release: () => void;
}

/** Chunks that a thread digests or has before it. */
const DIGESTS_IN_FLIGHT = 4;

/**
 * Reads the file of a request from its begin to its end, the next chunk while the last one is used, and digests it.
 * Stops at a chunk's border when the request's signal is aborted.
 *
 * @param options `undigested`: the file's bytes are not checked here
 * @throws DataCorruptionError at the end when the file's size or digest is not what the request says
 */
export async function* readSource(
  request: SendRequest,
  chunkBytes: number,
  { undigested = false } = {},
): AsyncGenerator<Chunk> {
  const file = await DirectFile.over(await openSource(request), { blockBytes: chunkBytes });
  try {
    yield* readFrom(file, request, { chunkBytes, undigested });
  } finally {
    await file.close();
  }
}

/** Reads the file of a request for its digest alone; see {@link readSource}. */
export async function checkSource(request: SendRequest): Promise<void> {
  const chunks = readSource(request, CHECK_CHUNK_BYTES);
  for await (const { release } of chunks) release();
}

async function* readFrom(
  file: DirectFile,
  request: SendRequest,
  { chunkBytes, undigested }: { chunkBytes: number; undigested: boolean },
): AsyncGenerator<Chunk> {
  const hash = undigested ? undefined : await takeDigest();
  const digests = new InFlight(DIGESTS_IN_FLIGHT);
  const read = (position: number) => {
    const length = Math.max(0, Math.min(chunkBytes, request.bytes - position));
    const block = length === 0 ? Buffer.alloc(0) : takeBlock(chunkBytes);
    return settled(readChunk(file, position, block, length));
  };
  let next = read(0);
  try {
    for (let position = 0; position < request.bytes;) {
      const { block, data } = await onDisk(request, next.then(outcomeOf));
      request.signal?.throwIfAborted();
      if (data.length === 0) throw corrupt(request, `ends after ${position} of ${request.bytes} bytes`);
      next = read(position + data.length);
      // It is in the hands of whoever gets it, and of the thread.
      let hands = hash === undefined ? 1 : 2;
      const release = () => {
        hands -= 1;
        if (hands === 0) giveBlock(block);
      };
      if (hash !== undefined) await digests.add(hash.session.update(data).then(release));
      yield { position, data, release };
      position += data.length;
    }
    await digests.drain();
    const sha256 = await hash?.session.digest();
    if (sha256 !== undefined && sha256 !== request.sha256)
      throw corrupt(request, `has the SHA-256 ${sha256} instead of ${request.sha256}`);
  } finally {
    await next; // nobody may close the file under it
    await digests.settle();
    hash?.release();
  }
}

async function readChunk(
  file: DirectFile,
  position: number,
  block: Buffer,
  length: number,
): Promise<{ block: Buffer; data: Buffer }> {
  const bytesRead = length === 0 ? 0 : await file.read(block.subarray(0, length), position);
  return { block, data: block.subarray(0, bytesRead) };
}
