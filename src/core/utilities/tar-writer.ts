import { createHash } from 'node:crypto';
import type { EntryKind } from '../states.js';
import type { PathBytes } from './path-text.js';

/** Tar works in blocks of this many bytes. */
export const BLOCK = 512;

/** What ends a tar: two blocks of zeros. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

/** The size and the seconds that fit a ustar header; beyond them the exact value goes into a PAX record. */
export const MAX_HEADER_SIZE = 0o77777777777;
const MAX_HEADER_SECONDS = 0o77777777777n;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const SPACE = 0x20;
const ZERO = 0x30;

/** One entry as its header tells it. Paths are bytes, since on Linux names are bytes. */
export interface TarEntry {
  path: PathBytes;
  kind: EntryKind;
  /** Bytes of content; 0 for links and directories. */
  size: number;
  mode: number;
  /** Seconds since the epoch. */
  mtime: bigint;
  /** Symlinks only. */
  linkTarget?: PathBytes;
}

/**
 * The blocks that introduce an entry: a POSIX ustar header, before it a PAX header where ustar can't hold the exact
 * bytes of a name, the size or the time.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const path = entry.path + (entry.kind === 'directory' ? '/' : '');
  const { linkTarget = '' } = entry;
  const type = TYPES[entry.kind];
  const { size } = entry;
  // No setuid or setgid: extracted by root, the file would run as root.
  const mode = entry.mode & 0o777;
  const mtime = clamp(entry.mtime);
  const seconds = Number(mtime);
  const fit = nameFields(path);
  if (
    fit !== undefined &&
    isAscii(path) &&
    linkTarget.length <= NAME_BYTES &&
    isAscii(linkTarget) &&
    size <= MAX_HEADER_SIZE &&
    mtime === entry.mtime
  )
    return ustarHeader({ type, name: fit.name, prefix: fit.prefix, size, mode, seconds, linkTarget });

  const records = [record('path', path)];
  if (entry.linkTarget !== undefined) records.push(record('linkpath', linkTarget));
  if (size > 0) records.push(record('size', size.toString()));
  if (mtime !== entry.mtime) records.push(record('mtime', entry.mtime.toString()));
  const body = Buffer.from(records.join(''), 'latin1');
  const digest = createHash('sha256').update(path, 'latin1').digest('hex');
  const name = `long-names/${digest.slice(0, 32)}`;
  const prefix = '';
  return Buffer.concat([
    ustarHeader({ type: 'x', name, prefix, size: body.length, mode: 0o644, seconds, linkTarget: '' }),
    body,
    padding(body.length),
    ustarHeader({ type, name, prefix, size, mode, seconds, linkTarget: linkTarget === '' ? '' : name }),
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

const TYPES = { file: '0', symlink: '2', directory: '5' } as const;

/** What a ustar header says; texts are bytes as Latin-1. */
interface UstarFields {
  type: string;
  name: string;
  /** Folders that have no room in the name. */
  prefix: string;
  size: number;
  mode: number;
  seconds: number;
  linkTarget: string;
}

/** Where the fields of a ustar header are (POSIX.1, pax, "ustar Interchange Format"). */
const AT = { name: 0, mode: 100, size: 124, mtime: 136, sum: 148, type: 156, linkTarget: 157, prefix: 345 };
/** What is the same in all headers: owner and group 0, no names and no device of them, the format, and blanks where the sum is while it is made. */
const FIXED = Buffer.alloc(BLOCK);
for (const at of [108, 116, 329, 337]) putOctal(FIXED, at, 8, 0);
FIXED.write('ustar\0' + '00', 257, 'latin1');
FIXED.fill(' ', AT.sum, AT.sum + 8);
const SUM_OF_FIXED = FIXED.reduce((sum, byte) => sum + byte, 0);

/** Each field is put byte by byte, and summed up as it is: gathering texts takes several times as long, and there is one for each file. */
function ustarHeader({ type, name, prefix, size, mode, seconds, linkTarget }: UstarFields): Buffer {
  const header = Buffer.from(FIXED);
  const sum =
    SUM_OF_FIXED +
    putText(header, AT.name, name) +
    putOctal(header, AT.mode, 8, mode) +
    (size <= MAX_HEADER_SIZE ? putOctal(header, AT.size, 12, size) : putBase256(header, AT.size, 12, size)) +
    putOctal(header, AT.mtime, 12, seconds) +
    putText(header, AT.type, type) +
    putText(header, AT.linkTarget, linkTarget) +
    putText(header, AT.prefix, prefix);
  putOctal(header, AT.sum, 8, sum);
  return header;
}

/** Puts a text of Latin-1 at a place; the answer is the sum of its bytes, as that of the others below. */
function putText(header: Buffer, at: number, text: string): number {
  let sum = 0;
  for (let place = 0; place < text.length; place++) {
    const byte = text.charCodeAt(place);
    header[at + place] = byte;
    sum += byte;
  }
  return sum;
}

/** Octal digits in a field that ends with a space and a NUL; with the NUL alone where they need that room. */
function putOctal(header: Buffer, at: number, bytes: number, value: number): number {
  const digits = value < 8 ** (bytes - 2) ? bytes - 2 : bytes - 1;
  let [left, sum] = [value, 0];
  for (let place = at + digits - 1; place >= at; place--) {
    // No operators of bits, as a size exceeds 32 of them; and none for the remainder, which takes long of what may be a fraction.
    const higher = Math.floor(left / 8);
    const digit = ZERO + left - 8 * higher;
    header[place] = digit;
    sum += digit;
    left = higher;
  }
  header[at + bytes - 1] = 0;
  if (digits === bytes - 1) return sum;
  header[at + digits] = SPACE;
  return sum + SPACE;
}

/** What has more octal digits than a field: its bytes, behind a mark. */
function putBase256(header: Buffer, at: number, bytes: number, value: number): number {
  const digits = Buffer.from(value.toString(16).padStart(2 * (bytes - 1), '0'), 'hex');
  return putText(header, at, `\x80${digits.toString('latin1')}`);
}

/** A path in the two fields for it, the name as short as can be; undefined where it has no room there. */
function nameFields(path: string): { name: string; prefix: string } | undefined {
  if (path.length < NAME_BYTES) return { name: path, prefix: '' };
  const whole = path.endsWith('/') ? path.slice(0, -1) : path;
  const slash = whole.lastIndexOf('/', PREFIX_BYTES);
  const name = whole.slice(slash + 1);
  return slash > 0 && name.length <= NAME_BYTES ? { name, prefix: whole.slice(0, slash) } : undefined;
}

function isAscii(text: string): boolean {
  return !/[\x80-\xff]/.test(text);
}

/** One PAX record, `<length> <key>=<value>\n`; the length counts its own digits. */
function record(key: string, value: string): string {
  const rest = 1 + key.length + 1 + value.length + 1;
  let length = rest + 1;
  while (length !== rest + length.toString().length) length = rest + length.toString().length;
  return `${length} ${key}=${value}\n`;
}

function clamp(seconds: bigint): bigint {
  return seconds < 0n ? 0n : seconds > MAX_HEADER_SECONDS ? MAX_HEADER_SECONDS : seconds;
}
