import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { writeAll } from '../../utilities/disk.js';
import { readPiece, writePiece, type Piece } from './pieces.js';

/**
 * Which pieces of a partial file are on disk: a file beside it that is only appended to. Every record has 64 bytes and a check of its own,
 * so that a torn end is known for what it is; a record is written when its piece has been flushed, never before.
 *
 * The first record says of which file: its size, its digest, and the inode of the partial file, so that the journal of one that was
 * removed, or brought from elsewhere, is never believed.
 */
const RECORD_BYTES = 64;
const CHECKED_BYTES = 56;
const MAGIC = 0x43445450; // CDTP
const VERSION = 1;

export interface JournalOf {
  bytes: number;
  sha256: string;
  /** Of the partial file. */
  inode: bigint;
}

export class Journal {
  readonly #file: FileHandle;
  /** Ties each record to its file. */
  readonly #salt: Buffer;

  private constructor(file: FileHandle, salt: Buffer) {
    this.#file = file;
    this.#salt = salt;
  }

  /** Opens a journal, or begins it anew where it is none of this partial file; gives the pieces that it lists. */
  static async open(path: string, of: JournalOf): Promise<{ journal: Journal; pieces: Piece[] }> {
    const file = await open(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW,
    );
    try {
      const first = encodeFirst(of);
      const content = await file.readFile();
      const { pieces, validBytes } = readJournal(content, first);
      if (validBytes < content.length) await file.truncate(validBytes);
      if (validBytes === 0) await writeAll(file, first, 'at the end');
      return { journal: new Journal(file, first), pieces };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Adds pieces that are on disk, and brings that to disk itself. */
  async append(pieces: readonly Piece[]): Promise<void> {
    const records = Buffer.concat(pieces.map((piece) => encodeRecord(piece, this.#salt)));
    await writeAll(this.#file, records, 'at the end');
    await this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** What a journal lists, up to the first record that is not whole; nothing where it is of another file. */
export function readJournal(content: Buffer, first: Buffer): { pieces: Piece[]; validBytes: number } {
  if (!content.subarray(0, RECORD_BYTES).equals(first)) return { pieces: [], validBytes: 0 };
  const pieces: Piece[] = [];
  let at = RECORD_BYTES;
  for (; at + RECORD_BYTES <= content.length; at += RECORD_BYTES) {
    const record = content.subarray(at, at + RECORD_BYTES);
    if (!check(record, first).equals(record.subarray(CHECKED_BYTES))) break;
    pieces.push(readPiece(record, 0));
  }
  return { pieces, validBytes: at };
}

/** The first record of a journal. */
export function encodeFirst({ bytes, sha256, inode }: JournalOf): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeUInt32BE(MAGIC, 0);
  record.writeUInt32BE(VERSION, 4);
  record.writeBigUInt64BE(BigInt(bytes), 8);
  record.write(sha256, 16, 32, 'hex');
  record.writeBigUInt64BE(inode, 48);
  check(record, Buffer.alloc(0)).copy(record, CHECKED_BYTES);
  return record;
}

/** @param first the journal's first record */
export function encodeRecord(piece: Piece, first: Buffer): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  writePiece(piece, record, 0);
  check(record, first).copy(record, CHECKED_BYTES);
  return record;
}

function check(record: Buffer, salt: Buffer): Buffer {
  const digest = createHash('sha256').update(salt).update(record.subarray(0, CHECKED_BYTES)).digest();
  return digest.subarray(0, RECORD_BYTES - CHECKED_BYTES);
}
