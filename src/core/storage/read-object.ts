import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { HttpRequest } from '@smithy/types';
import type { ReadBack, ReadOptions } from './archive-store.js';
import { unlessAborted } from '../utilities/unless-aborted.js';
import { takeObjectReader, type ObjectRequest } from './object-reader.js';

const MIB = 1024 * 1024;
/** Bytes from one word of how far it is to the next, and from one wait to the next where it is held back. */
const STEP_BYTES = 8 * MIB;
const PACED_STEP_BYTES = MIB;

/**
 * Reads a whole object and digests it, in a thread that asks the store by itself: its bytes do not pass through the loop of this process. The client
 * makes and signs the request, tries it a second time, and reads what the store says instead of an object. Throws what the
 * client throws, and errors of the connection as they are.
 */
export async function readObject(
  client: S3Client,
  object: { Bucket: string; Key: string },
  limits: Pick<ObjectRequest, 'connectMs' | 'idleMs'>,
  { signal, onProgress, pace, ranges }: ReadOptions,
): Promise<ReadBack> {
  const { session, release } = await takeObjectReader(ranges ?? []);
  const read = async (): Promise<ReadBack> => {
    const command = new GetObjectCommand(object);
    // The innermost step: in place of the client's own way to the store.
    command.middlewareStack.add(
      () =>
        async ({ request }) => {
          const { said, ...answer } = await session.ask({ ...plain(request as HttpRequest), ...limits });
          return { response: { ...answer, body: Readable.from([Buffer.from(said)]) } };
        },
      { step: 'deserialize', priority: 'low', name: 'readInThread' },
    );
    await client.send(command);
    for (let done = 0; ;) {
      const { bytes, whole } = await session.read(pace === undefined ? STEP_BYTES : PACED_STEP_BYTES);
      const more = bytes - done;
      done = bytes;
      if (more > 0) onProgress?.(bytes);
      if (more > 0) await pace?.(more);
      if (whole !== undefined) return ranges === undefined ? { bytes, sha256: whole.sha256 } : whole;
    }
  };
  try {
    signal?.throwIfAborted();
    return await (signal === undefined ? read() : unlessAborted(read(), signal));
  } finally {
    // A thread that still reads is ended, and its connection with it.
    release();
  }
}

/** What is to be sent, as a thread can be told it. */
function plain({
  protocol,
  hostname,
  port,
  path,
  query,
  headers,
}: HttpRequest): Omit<ObjectRequest, 'connectMs' | 'idleMs'> {
  const words = Object.entries(query ?? {}).flatMap(([name, value]) =>
    [value].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one ?? '')}`),
  );
  return {
    protocol,
    hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
    port,
    path: words.length === 0 ? path : `${path}?${words.join('&')}`,
    headers,
  };
}
