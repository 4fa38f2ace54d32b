import { closeSync, constants, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { classifyDiskError } from '../utilities/disk.js';
import type { PathBytes } from '../utilities/path-text.js';
import { errorCode } from './source-root.js';

/** The module of files that no instrument has put its name to. */
export const UNASSIGNED = 'unassigned';

const FITS_NAME = /\.(?:fits?|fts)(?:\.fz)?$/i;
const FITS_BLOCK = 2880;
const CARD = 80;
/** Headers longer than this have their instrument's name further up. */
const HEADER_BYTES = 8 * FITS_BLOCK;
const MAX_LENGTH = 48;
/** Links are not followed, and a fifo must not stop us. */
const HOW = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** What can go wrong with one file; packaging tells of it. */
const OF_THE_FILE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES', 'EPERM', 'EIO', 'ENAMETOOLONG'];

/** Whether a file's name says that it is FITS. */
export function isFitsName(name: PathBytes): boolean {
  return FITS_NAME.test(name);
}

/**
 * The instrument module that a FITS file names: `INSTRUME`, followed by `MODULE` where the header has one.
 * Undefined where it can't be known: no FITS, no such keyword, not readable. Links are not followed.
 */
export async function readInstrumentModule(path: Buffer): Promise<string | undefined> {
  let file;
  try {
    file = await open(path, HOW);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return moduleOfHeader(buffer.subarray(0, bytesRead));
  } catch (error) {
    throwOthers(error, path);
    return undefined;
  } finally {
    await file?.close();
  }
}

/** The same at once, for a thread that may wait for the disk. */
export function readInstrumentModuleSync(path: Buffer | string): string | undefined {
  let file;
  try {
    file = openSync(path, HOW);
    const buffer = Buffer.allocUnsafe(HEADER_BYTES);
    return moduleOfHeader(buffer.subarray(0, readSync(file, buffer, 0, HEADER_BYTES, 0)));
  } catch (error) {
    throwOthers(error, path);
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function throwOthers(error: unknown, path: Buffer | string): void {
  if (!OF_THE_FILE.includes(errorCode(error))) throw classifyDiskError(error, { subject: path.toString() });
}

/** The module that the first bytes of a FITS file name. A compressed image says it in the header after an empty first one. */
export function moduleOfHeader(bytes: Buffer): string | undefined {
  if (bytes.toString('latin1', 0, 9) !== 'SIMPLE  =') return undefined;
  const primary = readCards(bytes, 0);
  const second =
    primary.values.get('NAXIS') === '0' && primary.end !== undefined
      ? readCards(bytes, primary.end)
      : undefined;
  for (const { values } of second ? [primary, second] : [primary]) {
    const name = [values.get('INSTRUME'), values.get('MODULE')]
      .map((value) => normalizeModule(value ?? ''))
      .filter(Boolean);
    if (values.has('INSTRUME') && name.length > 0) return normalizeModule(name.join('-'));
  }
  return undefined;
}

/** A module's name as it may stand in names of packages and keys: `A-Z a-z 0-9 . _ -`, at most 48; empty if nothing is left. */
export function normalizeModule(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return safe.slice(0, MAX_LENGTH).replace(/[^A-Za-z0-9]+$/, '');
}

/** The values of a header's cards, and where the block after its END begins; undefined where END is further on. */
function readCards(bytes: Buffer, start: number): { values: Map<string, string>; end: number | undefined } {
  const values = new Map<string, string>();
  for (let at = start; at + CARD <= bytes.length; at += CARD) {
    const card = bytes.toString('latin1', at, at + CARD);
    const keyword = card.slice(0, 8).trimEnd();
    if (keyword === 'END') return { values, end: Math.ceil((at + CARD) / FITS_BLOCK) * FITS_BLOCK };
    if (card.slice(8, 10) === '= ' && !values.has(keyword)) values.set(keyword, cardValue(card.slice(10)));
  }
  return { values, end: undefined };
}

/** The value before a card's comment; of a string, what is between its quotes. */
function cardValue(field: string): string {
  const quoted = /^\s*'((?:[^']|'')*)'/.exec(field)?.[1];
  return (quoted?.replaceAll("''", "'") ?? field.split('/')[0] ?? '').trim();
}
