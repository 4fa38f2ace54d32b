import { z } from 'zod';
import { DataTransferError, NetworkError } from '../../exceptions.js';
import { printable } from '../../utilities/printable.js';

/**
 * What goes over a connection: frames of `type` (1 byte), a zero, `headerBytes` (2), `bodyBytes` (4, big-endian), a header in JSON and
 * a body of bytes. Both lengths are bounded for each type before anything is allocated, and every header has a schema.
 *
 * `hello` is the first frame of whoever dials, and of the sender. A sender's connection says for which location; then each file has a
 * number of the sender's choice, known on the connection on which it was opened:
 *
 * ```
 * sender                                     receiver
 * open file, name, bytes, sha256         →
 *                                        ←   state file, and the pieces that are held; there, when the target is the file already
 * piece file, piece, offset, sha256      →
 *                                        ←   came file, piece: as it was sent; wrong file, piece: with other bytes
 *                                        ←   ack file, pieces: on disk
 * commit file                            →   nothing else will come: it shall have its name as soon as it is whole
 *                                        ←   done file: has its name
 * check file                             →   every piece was acknowledged, and it is not done
 *                                        ←   done; state: pieces are missing
 * whole file, name, sha256               →   a small file in one go
 *                                        ←   done file
 * discard file                           →   the origin is not what it should be: forget what came
 * close file                             →   the number will not be used any more
 *                                        ←   failed file, error; without a file it is the connection's end
 * ```
 *
 * On a standing connection the sender calls for data connections with `call`: the receiver dials one for each ticket.
 */
export const PROTOCOL = 2;

export const MIB = 1024 * 1024;
/** The largest piece there may be. */
export const MOST_PIECE_BYTES = 8 * MIB;
/** A small file goes in one frame, with its own commit. */
export const WHOLE_BYTES = 512 * 1024;
/** Numbers of pieces in one acknowledgement. */
export const MOST_ACKS = 1000;
/** Tickets in one call. */
export const MOST_TICKETS = 64;

const HEAD_BYTES = 8;
const MOST_HEADER_BYTES = 16 * 1024;

const number = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const ticket = z.string().regex(/^[0-9a-f]{32}$/);
const name = z.string().max(255);
/** An error as it crosses the line: the name of its class, and what it says. */
export const toldError = z.object({
  class: z.string().max(64),
  message: z.string().max(4000),
  advice: z.string().max(2000).optional(),
  subject: z.string().max(300).optional(),
  retryAfterSeconds: z.number().min(0).max(86_400).optional(),
});

const TYPES = {
  hello: {
    code: 1,
    header: z.object({
      protocol: number,
      role: z.enum(['sender', 'receiver', 'standing']),
      location: z.string().max(300).optional(),
      ticket: ticket.optional(),
    }),
  },
  alive: { code: 2, header: z.object({}) },
  failed: { code: 3, header: z.object({ file: number.optional(), error: toldError }) },
  open: { code: 4, header: z.object({ file: number, name, bytes: number, sha256 }) },
  state: { code: 5, header: z.object({ file: number }), body: MOST_PIECE_BYTES },
  there: { code: 6, header: z.object({ file: number }) },
  progress: { code: 7, header: z.object({ file: number, bytes: number }) },
  piece: {
    code: 8,
    header: z.object({ file: number, piece: number, offset: number, sha256 }),
    body: MOST_PIECE_BYTES,
  },
  came: { code: 18, header: z.object({ file: number, piece: number }) },
  ack: { code: 9, header: z.object({ file: number, pieces: z.array(number).max(MOST_ACKS) }) },
  wrong: { code: 10, header: z.object({ file: number, piece: number }) },
  whole: { code: 11, header: z.object({ file: number, name, sha256 }), body: WHOLE_BYTES },
  commit: { code: 12, header: z.object({ file: number }) },
  check: { code: 17, header: z.object({ file: number }) },
  done: { code: 13, header: z.object({ file: number, alreadyThere: z.boolean() }) },
  discard: { code: 14, header: z.object({ file: number }) },
  close: { code: 15, header: z.object({ file: number }) },
  call: { code: 16, header: z.object({ tickets: z.array(ticket).max(MOST_TICKETS) }) },
} satisfies Record<string, { code: number; header: z.ZodType; body?: number }>;

export type FrameType = keyof typeof TYPES;
export type HeaderOf<T extends FrameType> = z.infer<(typeof TYPES)[T]['header']>;
/** A frame without its body, which is read on its own. */
export type Frame = { [T in FrameType]: { type: T; header: HeaderOf<T>; bodyBytes: number } }[FrameType];

const BY_CODE = new Map(Object.entries(TYPES).map(([type, { code }]) => [code, type as FrameType]));

/** The begin of a frame: everything but its body. */
export function encodeFrame<T extends FrameType>(type: T, header: HeaderOf<T>, bodyBytes = 0): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  if (json.length > MOST_HEADER_BYTES) throw new RangeError(`the header of ${type} has ${json.length} bytes`);
  const frame = Buffer.allocUnsafe(HEAD_BYTES + json.length);
  frame.writeUInt16BE(TYPES[type].code << 8, 0);
  frame.writeUInt16BE(json.length, 2);
  frame.writeUInt32BE(bodyBytes, 4);
  json.copy(frame, HEAD_BYTES);
  return frame;
}

/** Where bytes come from. */
export interface Bytes {
  /** Fills the buffer; false where the line ended before its first byte. Throws where it ends within. */
  fill(into: Buffer): Promise<boolean>;
}

/**
 * Reads the next frame up to its body; undefined where the line has ended.
 *
 * @throws DataTransferError for anything that is no frame
 */
export async function readFrame(bytes: Bytes): Promise<Frame | undefined> {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  if (!(await bytes.fill(head))) return undefined;
  const { type, headerBytes, bodyBytes } = decodeHead(head);
  const json = Buffer.allocUnsafe(headerBytes);
  if (!(await bytes.fill(json))) throw new NetworkError('the connection ended in the middle of a frame');
  return { type, header: decodeHeader(type, json), bodyBytes } as Frame;
}

function decodeHead(head: Buffer): { type: FrameType; headerBytes: number; bodyBytes: number } {
  const code = head.readUInt8(0);
  const type = BY_CODE.get(code);
  if (type === undefined || head.readUInt8(1) !== 0) throw noFrame(`a frame of the unknown type ${code}`);
  const [headerBytes, bodyBytes] = [head.readUInt16BE(2), head.readUInt32BE(4)];
  const { body = 0 } = TYPES[type] as { body?: number };
  if (headerBytes > MOST_HEADER_BYTES) throw noFrame(`a ${type} with a header of ${headerBytes} bytes`);
  if (bodyBytes > body) throw noFrame(`a ${type} with ${bodyBytes} bytes where ${body} are the most`);
  return { type, headerBytes, bodyBytes };
}

function decodeHeader(type: FrameType, json: Buffer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch (cause) {
    throw noFrame(`a ${type} whose header is no JSON`, cause);
  }
  const parsed = TYPES[type].header.safeParse(value);
  if (parsed.success) return parsed.data;
  throw noFrame(`a ${type} whose header is wrong: ${parsed.error.issues[0]?.message ?? ''}`, parsed.error);
}

function noFrame(what: string, cause?: unknown): DataTransferError {
  return new DataTransferError(`the other end does not keep to the protocol: it sent ${printable(what)}`, {
    advice: 'Compare the versions of the workers at both ends.',
    cause,
  });
}
