import { createHash } from 'node:crypto';
import { Header } from 'tar';
import type { EntryKind } from '../states.js';

/** Tar works in blocks of this many bytes. */
export const BLOCK = 512;

/** What ends a tar: two blocks of zeros. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

/** Seconds that fit a ustar header; beyond them the exact time goes into a PAX record. */
const MAX_HEADER_SECONDS = 0o77777777777n;

/** One entry as its header tells it. Paths are bytes, since on Linux names are bytes. */
export interface TarEntry {
  path: Buffer;
  kind: EntryKind;
  /** Bytes of content; 0 for links and directories. */
  size: number;
  mode: number;
  /** Seconds since the epoch. */
  mtime: bigint;
  /** Symlinks only. */
  linkTarget?: Buffer;
}

/**
 * The blocks that introduce an entry: a POSIX ustar header, before it a PAX header where ustar can't hold the exact
 * bytes of a name, the size or the time.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.kind === 'directory' ? Buffer.concat([entry.path, Buffer.from('/')]) : entry.path;
  const seconds = clamp(entry.mtime);
  const fields = {
    type: TYPES[entry.kind],
    size: entry.size,
    // No setuid or setgid: extracted by root, the file would run as root.
    mode: entry.mode & 0o777,
    mtime: new Date(Number(seconds) * 1000),
    uid: 0,
    gid: 0,
  };
  const plain = new Header({ ...fields, path: ascii(path), linkpath: ascii(entry.linkTarget) });
  const block = Buffer.alloc(BLOCK);
  if (!plain.encode(block) && isAscii(path) && isAscii(entry.linkTarget) && seconds === entry.mtime)
    return block;

  const records = [record('path', path)];
  if (entry.linkTarget !== undefined) records.push(record('linkpath', entry.linkTarget));
  if (entry.size > 0) records.push(record('size', Buffer.from(entry.size.toString())));
  if (seconds !== entry.mtime) records.push(record('mtime', Buffer.from(entry.mtime.toString())));
  const body = Buffer.concat(records);
  const placeholder = `long-names/${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  return Buffer.concat([
    encode({ ...fields, type: 'ExtendedHeader', path: placeholder, size: body.length, mode: 0o644 }),
    body,
    padding(body.length),
    encode({ ...fields, path: placeholder, linkpath: entry.linkTarget && placeholder }),
  ]);
}

/** The zeros that fill the last block of this many bytes. */
export function padding(size: number): Buffer {
  return END_OF_ARCHIVE.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK);
}

/** The size with its padding. */
export function padded(size: number): number {
  return size + padding(size).length;
}

const TYPES = { file: 'File', symlink: 'SymbolicLink', directory: 'Directory' } as const;

function encode(fields: ConstructorParameters<typeof Header>[0]): Buffer {
  const block = Buffer.alloc(BLOCK);
  new Header(fields).encode(block);
  return block;
}

/** One PAX record, `<length> <key>=<value>\n`; the length counts its own digits. */
function record(key: string, value: Buffer): Buffer {
  const rest = 1 + key.length + 1 + value.length + 1;
  let length = rest + 1;
  while (length !== rest + length.toString().length) length = rest + length.toString().length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

function clamp(seconds: bigint): bigint {
  return seconds < 0n ? 0n : seconds > MAX_HEADER_SECONDS ? MAX_HEADER_SECONDS : seconds;
}

function isAscii(bytes: Buffer | undefined): boolean {
  return bytes === undefined || bytes.every((byte) => byte < 0x80);
}

function ascii(bytes: Buffer | undefined): string {
  return bytes?.toString('latin1') ?? '';
}
