import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataTransferError, NetworkError } from '../../../../src/core/exceptions.js';
import {
  encodeFrame,
  MOST_PIECE_BYTES,
  readFrame,
  WHOLE_BYTES,
  type Frame,
  type FrameType,
  type HeaderOf,
} from '../../../../src/core/transport/stream/frames.js';
import { Incoming } from '../../../../src/core/transport/stream/incoming.js';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((one) => Buffer.from(one).toString('hex'));
/** Compared with what JSON makes. */
const plain = { noNullPrototype: true };
const file = fc.nat();
const sha256 = hex(32);
const ticket = hex(16);
const name = fc.string({ maxLength: 255 });
const error = fc.record(
  { class: fc.string({ maxLength: 64 }), message: fc.string(), advice: fc.string() },
  { noNullPrototype: true, requiredKeys: ['class', 'message'] },
);

/** A header of every type; those with a body get one. */
const HEADERS: { [T in FrameType]: fc.Arbitrary<HeaderOf<T>> } = {
  hello: fc.record(
    { protocol: fc.nat(), role: fc.constantFrom('sender', 'receiver', 'standing'), location: name, ticket },
    { noNullPrototype: true, requiredKeys: ['protocol', 'role'] },
  ),
  alive: fc.constant({}),
  failed: fc.record({ file, error }, { noNullPrototype: true, requiredKeys: ['error'] }),
  open: fc.record({ file, name, bytes: fc.maxSafeNat(), sha256 }, plain),
  state: fc.record({ file }, plain),
  there: fc.record({ file }, plain),
  progress: fc.record({ file, bytes: fc.maxSafeNat() }, plain),
  piece: fc.record({ file, piece: fc.nat(), offset: fc.maxSafeNat(), sha256 }, plain),
  came: fc.record({ file, piece: fc.nat() }, plain),
  ack: fc.record({ file, pieces: fc.array(fc.nat()) }, plain),
  wrong: fc.record({ file, piece: fc.nat() }, plain),
  whole: fc.record({ file, name, sha256 }, plain),
  commit: fc.record({ file }, plain),
  check: fc.record({ file }, plain),
  done: fc.record({ file, alreadyThere: fc.boolean() }, plain),
  discard: fc.record({ file }, plain),
  close: fc.record({ file }, plain),
  call: fc.record({ tickets: fc.array(ticket, { maxLength: 64 }) }, plain),
};
const WITH_BODY: FrameType[] = ['state', 'piece', 'whole'];

interface Sent {
  type: FrameType;
  header: unknown;
  body: Buffer;
}

const frame: fc.Arbitrary<Sent> = fc.oneof(
  ...(Object.keys(HEADERS) as FrameType[]).map((type) =>
    fc.record(
      {
        type: fc.constant(type),
        header: HEADERS[type] as fc.Arbitrary<unknown>,
        body: fc
          .uint8Array({ maxLength: WITH_BODY.includes(type) ? 300 : 0 })
          .map((bytes) => Buffer.from(bytes)),
      },
      plain,
    ),
  ),
);

const encode = ({ type, header, body }: Sent) =>
  Buffer.concat([encodeFrame(type, header as HeaderOf<FrameType>, body.length), body]);

/** A line that gives these bytes in chunks of these lengths, then ends. */
function lineOf(bytes: Buffer, lengths: number[]): Incoming {
  const chunks: Buffer[] = [];
  for (let at = 0, next = 0; at < bytes.length; next++) {
    const length = lengths[next % lengths.length] ?? bytes.length;
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return new Incoming(Readable.from(chunks));
}

/** Reads frames until the line ends, or what comes is refused. */
async function readAll(line: Incoming): Promise<{ frames: Sent[]; refusal: unknown }> {
  const frames: Sent[] = [];
  try {
    for (let one: Frame | undefined; (one = await readFrame(line)) !== undefined;) {
      const body = Buffer.alloc(one.bodyBytes);
      if (body.length > 0 && !(await line.fill(body))) throw new NetworkError('no body');
      frames.push({ type: one.type, header: one.header, body });
    }
    return { frames, refusal: undefined };
  } catch (refusal) {
    return { frames, refusal };
  }
}

const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 10 });

test('frames are read as they were written, in whatever pieces the line brings them', () =>
  fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 12 }), lengths, async (sent, chunks) => {
      const { frames, refusal } = await readAll(lineOf(Buffer.concat(sent.map(encode)), chunks));
      assert.equal(refusal, undefined);
      assert.deepEqual(frames, sent);
    }),
  ));

test('a line that ends anywhere gives the frames before, and says that the last one is not whole', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(frame, { minLength: 1, maxLength: 8 }),
      lengths,
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (sent, chunks, share) => {
        const encoded = sent.map(encode);
        const whole = Buffer.concat(encoded);
        const end = Math.floor(share * whole.length);
        let [before, bytes] = [0, 0];
        while (bytes + (encoded[before]?.length ?? Infinity) <= end) bytes += encoded[before++]?.length ?? 0;
        const { frames, refusal } = await readAll(lineOf(whole.subarray(0, end), chunks));
        assert.deepEqual(frames, sent.slice(0, before));
        if (bytes === end) assert.equal(refusal, undefined);
        else assert.ok(refusal instanceof NetworkError, String(refusal));
      },
    ),
  ));

test('bytes that were changed on their way, or never were a frame, are a frame within the bounds or are refused', () =>
  fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        fc
          .tuple(fc.array(frame, { minLength: 1, maxLength: 4 }), fc.nat(), fc.integer({ min: 1, max: 255 }))
          .map(([sent, at, change]) => {
            const bytes = Buffer.concat(sent.map(encode));
            bytes[at % bytes.length]! ^= change;
            return bytes;
          }),
      ),
      async (bytes) => {
        const line = new Incoming(Readable.from([bytes]));
        try {
          for (let one: Frame | undefined; (one = await readFrame(line)) !== undefined;) {
            assert.ok(one.bodyBytes <= (one.type === 'whole' ? WHOLE_BYTES : MOST_PIECE_BYTES));
            if (one.bodyBytes > 0 && !WITH_BODY.includes(one.type)) assert.fail(`${one.type} with a body`);
            await line.skip(one.bodyBytes);
          }
        } catch (refusal) {
          assert.ok(
            refusal instanceof DataTransferError || refusal instanceof NetworkError,
            `refused with ${String(refusal)}`,
          );
        }
      },
    ),
    { numRuns: 500 },
  ));
