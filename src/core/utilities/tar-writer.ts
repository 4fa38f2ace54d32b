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

/** Owner and group 0. */
const OWNER = octal(0, 8).repeat(2);
/** What stands in the place of the sum while it is made. */
const BLANK_SUM = ' '.repeat(8);
/** The format's name and version, no names of owner and group. */
const USTAR = 'ustar\0' + '00' + '\0'.repeat(64);
const NO_DEVICE = octal(0, 8).repeat(2);
const SUM_OF_FIXED = sumOf(OWNER + BLANK_SUM + USTAR + NO_DEVICE);

function ustarHeader({ type, name, prefix, size, mode, seconds, linkTarget }: UstarFields): Buffer {
  const modeField = octal(mode, 8);
  const sizeField = size <= MAX_HEADER_SIZE ? octal(size, 12) : base256(size, 12);
  const timeField = octal(seconds, 12);
  const sum = SUM_OF_FIXED + sumOf(name + modeField + sizeField + timeField + type + linkTarget + prefix);
  const text =
    field(name, NAME_BYTES) +
    modeField +
    OWNER +
    sizeField +
    timeField +
    octal(sum, 8) +
    type +
    field(linkTarget, NAME_BYTES) +
    USTAR +
    NO_DEVICE +
    field(prefix, PREFIX_BYTES);
  return Buffer.from(field(text, BLOCK), 'latin1');
}

/** The sum of a text's bytes; the zeros that fill a field add nothing to it. */
function sumOf(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum += text.charCodeAt(at);
  return sum;
}

function field(text: string, bytes: number): string {
  return text.padEnd(bytes, '\0');
}

/** Octal digits in a field that ends with a space and a NUL; with the NUL alone where they need that room. */
function octal(value: number, bytes: number): string {
  const digits = value.toString(8).padStart(bytes - 2, '0');
  return digits.length === bytes - 1 ? `${digits}\0` : `${digits} \0`;
}

/** What has more octal digits than a field: its bytes, behind a mark. */
function base256(value: number, bytes: number): string {
  const digits = Buffer.from(value.toString(16).padStart(2 * (bytes - 1), '0'), 'hex');
  return `\x80${digits.toString('latin1')}`;
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
