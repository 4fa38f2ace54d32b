import { PackageError } from '../exceptions.js';
import type { PathBytes } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';

/** The texts of a BagIt 1.0 bag (RFC 8493). Where names are unusual, GNU `sha256sum -c` is obeyed before BagIt. */

export const PAYLOAD_FOLDER = 'data';
export const MANIFEST = 'manifest-sha256.txt';
export const TAG_MANIFEST = 'tagmanifest-sha256.txt';

/** The bag's declaration, `bagit.txt`. */
export const DECLARATION = 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n';

const LABEL = /^[A-Za-z][A-Za-z0-9-]*$/;
const FOLD_AT = 79;

/**
 * The text of `bag-info.txt`: a line for each value, long ones folded at spaces, control characters as escapes.
 * Throws a {@link PackageError} for a label that is not made of letters, digits and dashes.
 */
export function bagInfoText(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([label, value]) => {
      if (!LABEL.test(label))
        throw new PackageError(`"${printable(label)}" can't be a label in bag-info.txt`);
      return `${fold(`${label}: ${printable(value).trim()}`)}\n`;
    })
    .join('');
}

/** The values of a `bag-info.txt`; folded lines are joined by a space. */
export function parseBagInfo(text: string): Record<string, string> {
  const lines = text
    .replace(/\r\n?/g, '\n')
    .replace(/\n[ \t]+/g, ' ')
    .split('\n');
  const pairs = lines.filter((line) => line !== '').map((line) => /^([^:]*):[ \t]*(.*)$/.exec(line));
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? '']));
}

/** `Payload-Oxum`: bytes and number of the payload's files. */
export function payloadOxum(bytes: number, files: number): string {
  return `${bytes}.${files}`;
}

/** A line of a manifest as `sha256sum` writes it: a name with a line break or backslash is escaped, and the line marked. */
export function manifestLine(sha256: string, path: Buffer): Buffer {
  return Buffer.from(manifestText(sha256, path.toString('latin1')), 'latin1');
}

/** The bytes of {@link manifestLine} as text of Latin-1. */
export function manifestText(sha256: string, path: PathBytes): string {
  if (!TO_ESCAPE.test(path)) return `${sha256}  ${path}\n`;
  const escaped = path.replace(/[\n\r\\]/g, (character) => ESCAPES[character] ?? character);
  return `\\${sha256}  ${escaped}\n`;
}

/** The inverse of {@link manifestLine}, without the line's end; undefined for what is no such line. */
export function parseManifestLine(line: Buffer): { sha256: string; path: Buffer } | undefined {
  const marked = line[0] === BACKSLASH;
  const body = marked ? line.subarray(1) : line;
  const sha256 = body.toString('latin1', 0, 64);
  if (!/^[0-9a-f]{64}$/.test(sha256) || body.toString('latin1', 64, 66) !== '  ' || body.length === 66)
    return undefined;
  const path = marked ? unescape(body.subarray(66)) : body.subarray(66);
  return path && { sha256, path };
}

const BACKSLASH = 0x5c;
const TO_ESCAPE = /[\n\r\\]/;
const ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\\': '\\\\' };
const ESCAPED = Object.fromEntries(Object.entries(ESCAPES).map(([character, escape]) => [escape, character]));

function unescape(text: Buffer): Buffer | undefined {
  const escaped = text.toString('latin1');
  if (!/^(?:[^\\]|\\[nr\\])*$/.test(escaped)) return undefined;
  return Buffer.from(
    escaped.replace(/\\[nr\\]/g, (escape) => ESCAPED[escape] ?? escape),
    'latin1',
  );
}

/** Breaks a line at spaces so that, where its words allow it, no piece is longer than 79 characters. */
function fold(line: string): string {
  const lines: string[] = [];
  let rest = line;
  while (rest.length > FOLD_AT) {
    const at = foldPlace(rest, lines.length === 0 ? rest.indexOf(': ') + 2 : 1);
    if (at < 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  return [...lines, rest].join('\n');
}

/** Where a line may be broken: a single space between two words, after `from`. The space begins the next line. */
function foldPlace(line: string, from: number): number {
  const places = [...line.matchAll(/(?<=\S) (?=\S)/g)].map((match) => match.index).filter((at) => at >= from);
  return places.filter((at) => at <= FOLD_AT).at(-1) ?? places[0] ?? -1;
}
