import { isUtf8 } from 'node:buffer';

/**
 * A file name or relative path as text that can be stored, sent as JSON and turned back into the exact bytes.
 *
 * On Linux a name is bytes, not text. A path text is the name itself wherever it is valid UTF-8; a byte that is not
 * part of valid UTF-8 is written `%XX`, and a `%` that would read as such an escape is written `%25`.
 */
export type PathText = string;

/**
 * The bytes of a name or path as text of Latin-1, a character for each. Such texts are cut, joined and compared for less than Buffers are, which
 * tells where there are many.
 */
export type PathBytes = string;

const HEX = /^[0-9A-Fa-f]{2}$/;
/** Printable ASCII without a byte written as an escape: the same as text, as bytes and to the system. */
const PLAIN = /^[ -$&-~]*$/;

/** Whether a text is the same as {@link PathText} and as {@link PathBytes}. */
export function isPlain(path: string): boolean {
  return PLAIN.test(path);
}

/** The text for these bytes. */
export function textOfBytes(bytes: PathBytes): PathText {
  return isPlain(bytes) ? bytes : encodePath(Buffer.from(bytes, 'latin1'));
}

/** The bytes that this text stands for. */
export function bytesOfText(text: PathText): PathBytes {
  return isPlain(text) ? text : decodePath(text).toString('latin1');
}

/** A path as the system's calls take it. */
export function systemPath(bytes: PathBytes): string | Buffer {
  return isPlain(bytes) ? bytes : Buffer.from(bytes, 'latin1');
}

/** The text for these bytes. */
export function encodePath(bytes: Buffer): PathText {
  if (isUtf8(bytes) && !bytes.includes(0x25)) return bytes.toString('utf8');
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = utf8Length(bytes, at);
    const unit = bytes.subarray(at, at + Math.max(length, 1));
    if (length === 0) text += escapeByte(unit[0] ?? 0);
    else if (unit[0] === 0x25 && HEX.test(bytes.toString('latin1', at + 1, at + 3))) text += '%25';
    else text += unit.toString('utf8');
    at += unit.length;
  }
  return text;
}

/** The bytes that this text stands for. */
export function decodePath(text: PathText): Buffer {
  if (!text.includes('%')) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at)) {
    const hex = text.slice(at + 1, at + 3);
    if (!HEX.test(hex)) {
      at += 1;
      continue;
    }
    parts.push(Buffer.from(text.slice(from, at), 'utf8'), Buffer.from(hex, 'hex'));
    at += 3;
    from = at;
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'));
  return Buffer.concat(parts);
}

function escapeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Length of the valid UTF-8 sequence at this place, 0 where there is none. */
function utf8Length(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  return isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
