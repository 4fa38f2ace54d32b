import { Header } from 'tar';
import { PackageError } from '../exceptions.js';
import { BLOCK, padded } from './tar-writer.js';

/** PAX records hold a path and a link target; whatever says it is longer is damaged or hostile. */
const MAX_RECORDS = 64 * 1024;

export interface TarReaderEntry {
  path: Buffer;
  /** Type letter of the header as a word, such as `File`, `SymbolicLink`, `Directory`. */
  type: string;
  size: number;
  /** Permission bits. */
  mode: number;
  /** Whole seconds since the epoch. */
  mtime: number;
  linkTarget?: Buffer;
}

export interface TarHandler {
  onEntry(entry: TarReaderEntry): void;
  /** Content of the entry last told, in order; the bytes are valid during the call only. */
  onContent(bytes: Buffer): void;
  onEntryEnd(): void;
}

/**
 * Reads a tar that is pushed into it piece by piece, and holds a header's worth of it at most.
 * `push` and `end` throw a {@link PackageError} where the bytes are not a whole tar of the kind that `tar-writer.ts` makes.
 */
export class TarReader {
  readonly #handler: TarHandler;
  /** Bytes of a block or of records that are not complete yet. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #state: 'header' | 'records' | 'content' | 'padding' | 'after' = 'header';
  /** Bytes still missing in this state. */
  #left = BLOCK;
  #content = 0;
  #recordBytes = 0;
  #records = new Map<string, Buffer>();
  #zeroBlocks = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + this.#left);
      at += piece.length;
      this.#left -= piece.length;
      if (this.#state === 'content') this.#handler.onContent(piece);
      else if (this.#state === 'header' || this.#state === 'records') this.#hold(piece);
      else if (this.#state === 'after' && piece.some((byte) => byte !== 0))
        throw damaged('there is data after its end');
      if (this.#left === 0) this.#next();
    }
  }

  /** Bytes of the current entry's content that are still to come. */
  get contentLeft(): number {
    return this.#state === 'content' ? this.#left : 0;
  }

  /** Takes the rest of the current entry's content for read: the next bytes pushed must be those behind it. Returns how many that are. */
  skipContent(): number {
    const skipped = this.contentLeft;
    if (skipped > 0) {
      this.#left = 0;
      this.#next();
    }
    return skipped;
  }

  end(): void {
    if (this.#zeroBlocks < 2) throw damaged('it ends too early');
  }

  #hold(piece: Buffer): void {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    // A piece of the caller's buffer may be overwritten before the rest comes.
    if (this.#left > 0) this.#held[this.#held.length - 1] = Buffer.from(piece);
  }

  #take(): Buffer {
    const [first] = this.#held;
    const all =
      this.#held.length === 1 && first !== undefined ? first : Buffer.concat(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
    return all;
  }

  #next(): void {
    if (this.#state === 'header') this.#header(this.#take());
    else if (this.#state === 'records') this.#endRecords(this.#take());
    else if (this.#state === 'content') this.#endContent();
    else if (this.#state === 'padding') this.#expectHeader();
    else this.#left = BLOCK;
  }

  #header(block: Buffer): void {
    const header = decodeHeader(block);
    if (header.nullBlock) {
      this.#zeroBlocks += 1;
      this.#state = this.#zeroBlocks < 2 ? 'header' : 'after';
      this.#left = BLOCK;
      return;
    }
    if (!header.cksumValid) throw damaged('a header does not match its checksum');
    if (this.#zeroBlocks > 0) throw damaged('there is data after its end');
    const size = header.size ?? 0;
    if (header.type === 'ExtendedHeader') {
      if (size === 0 || size > MAX_RECORDS) throw damaged('an extended header has no sensible size');
      this.#recordBytes = size;
      this.#state = 'records';
      this.#left = padded(size);
    } else {
      this.#entry(header, size);
    }
  }

  #entry(header: Header, headerSize: number): void {
    const records = this.#records;
    this.#records = new Map();
    const recordedSize = records.get('size');
    const size = recordedSize === undefined ? headerSize : Number(recordedSize.toString('latin1'));
    if (!Number.isSafeInteger(size) || size < 0) throw damaged('an entry has no sensible size');
    const path = records.get('path') ?? Buffer.from(header.path ?? '');
    const linkTarget =
      records.get('linkpath') ?? (header.linkpath ? Buffer.from(header.linkpath) : undefined);
    this.#handler.onEntry({
      path: trimSlash(path),
      type: header.type,
      size,
      mode: header.mode ?? 0,
      mtime: wholeSeconds(records.get('mtime'), header),
      ...(linkTarget && { linkTarget }),
    });
    this.#content = size;
    this.#state = 'content';
    this.#left = size;
    if (size === 0) this.#endContent();
  }

  #endRecords(block: Buffer): void {
    this.#records = parseRecords(block.subarray(0, this.#recordBytes));
    this.#expectHeader();
  }

  #endContent(): void {
    this.#handler.onEntryEnd();
    this.#state = 'padding';
    this.#left = padded(this.#content) - this.#content;
    if (this.#left === 0) this.#expectHeader();
  }

  #expectHeader(): void {
    this.#state = 'header';
    this.#left = BLOCK;
  }
}

function decodeHeader(block: Buffer): Header {
  try {
    return new Header(block);
  } catch (cause) {
    throw damaged('a header can not be read', cause);
  }
}

/** PAX records by key, values as bytes. */
function parseRecords(body: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(0x20, at);
    const length = space < 0 ? NaN : Number(body.toString('latin1', at, space));
    const end = at + length;
    const equals = body.indexOf(0x3d, space);
    if (!(
      Number.isInteger(length) &&
      end <= body.length &&
      equals > space &&
      equals < end &&
      body[end - 1] === 0x0a
    )) {
      throw damaged('an extended header can not be read');
    }
    records.set(body.toString('latin1', space + 1, equals), Buffer.from(body.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

function wholeSeconds(record: Buffer | undefined, header: Header): number {
  if (record === undefined) return Math.floor((header.mtime?.getTime() ?? 0) / 1000);
  const seconds = Number(record.toString('latin1'));
  if (!Number.isFinite(seconds)) throw damaged('an entry has no sensible time');
  return Math.floor(seconds);
}

function trimSlash(path: Buffer): Buffer {
  return path.at(-1) === 0x2f ? path.subarray(0, -1) : path;
}

function damaged(what: string, cause?: unknown): PackageError {
  return new PackageError(`The tar is damaged: ${what}`, { cause });
}
