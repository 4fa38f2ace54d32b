import { DataCorruptionError } from '../exceptions.js';

/** What archives of every kind do alike with the bytes that they store and read back. */

/** A small document is read whole; what is larger than this, in bytes, is none of ours. */
export const MAX_JSON_BYTES = 1024 * 1024;

/** A small document, or undefined for what is no JSON. */
export function parsedOrUndefined(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A package that is not what its digest says is not archived. */
export function otherSize(name: string, found: number, expected: number): DataCorruptionError {
  return damaged(name, `it has ${found} bytes instead of ${expected}`);
}

export function otherDigest(name: string): DataCorruptionError {
  return damaged(name, 'its SHA-256 is not that of the package');
}

function damaged(name: string, how: string): DataCorruptionError {
  return new DataCorruptionError(`${name} is damaged: ${how}`, {
    operation: 'long_term_archive_transfer',
    subject: name,
    advice: 'This copy must not be archived. Have the package sent again from a good copy.',
  });
}
