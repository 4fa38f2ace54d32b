import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
} from 'node:fs';
import { printable } from '../../core/utilities/printable.js';

/** A log longer than this is put aside, in bytes; so each process has twice this at most. */
const LONGEST_BYTES = 10e6;
const TAIL_BYTES = 4096;
const TAIL_LINES = 5;

/** Opens a log for a process to append to. The caller closes it once the process has it. */
export function openLog(file: string): number {
  trimLog(file);
  return openSync(file, 'a', 0o600);
}

/**
 * Puts a log aside as `<file>.1` when it has grown too long, and starts it anew.
 *
 * The process that writes keeps its open file: the log is copied and cut, and what is written in that instant is lost.
 */
export function trimLog(file: string): void {
  if (!existsSync(file) || statSync(file).size <= LONGEST_BYTES) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}

/** The last few lines of a log, safe to show. */
export function lastLines(file: string): string[] {
  if (!existsSync(file)) return [];
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-TAIL_LINES).map(printable);
  } finally {
    closeSync(descriptor);
  }
}
