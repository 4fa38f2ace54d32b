import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/**
 * The content of a file, the next chunk being read while the last one is used; each is valid until the next is asked
 * for. Ends early where the file does. An error of reading is yielded last.
 */
export async function* readChunks(
  file: FileHandle,
  size: number,
  buffers: [Buffer, Buffer],
): AsyncGenerator<Buffer | Error> {
  const read = (at: number, turn: number): Promise<Buffer | Error> => {
    const buffer = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, size - at);
    return readFully(file, buffer, at).then((length) => buffer.subarray(0, length), asError);
  };
  let next = read(0, 0);
  try {
    for (let at = 0, turn = 1; at < size; turn += 1) {
      const chunk = await next;
      if (chunk instanceof Error || chunk.length === 0) {
        if (chunk instanceof Error) yield chunk;
        return;
      }
      at += chunk.length;
      if (at < size) next = read(at, turn);
      yield chunk;
    }
  } finally {
    await next; // nobody may close the file or use the buffers under it
  }
}

/** Fills the buffer from a place in the file; less than that only at the file's end. Answers with the bytes read. */
export async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return done;
}

/** SHA-256, hex. */
export function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
