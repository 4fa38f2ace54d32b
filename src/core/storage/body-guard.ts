import type { HttpRequest } from '@smithy/types';
import { checksumField, checksumOf, sha256, type ChecksumName } from './checksums.js';

/** What goes with the body of a request, so that the store checks it. */

/** By what it is checked. */
export interface Guarding {
  /** The checksum that the store checks; absent where it checks none. */
  checksum: ChecksumName | 'MD5' | undefined;
  /** Whether it takes bodies that the signature does not cover. The signature covers their checksum all the same. */
  takesUnsigned: boolean;
}

/** Parameters of a request. */
type Parameters = Partial<Record<`Checksum${ChecksumName}` | 'ContentMD5', string>>;

export interface Guard {
  parameters: Parameters;
  /** What is signed of the body: its SHA-256 (hex), or that nothing is. */
  signed: string;
}

/** What AWS Signature Version 4 says of a body that it does not cover. */
const UNSIGNED = 'UNSIGNED-PAYLOAD';

/**
 * What the client needs to say of a body. One checksum is enough: only where the store checks none, or wants the body signed, is its SHA-256
 * made for the signature.
 *
 * @param known the SHA-256 of the body, where it is known
 */
export function guardOf({ checksum, takesUnsigned }: Guarding, body: Uint8Array, known?: Buffer): Guard {
  const digest = () => known ?? sha256(body);
  if (checksum === 'SHA256') return guardBySha256(digest(), takesUnsigned);
  if (checksum === undefined) return { parameters: {}, signed: digest().toString('hex') };
  return {
    parameters: { [checksum === 'MD5' ? 'ContentMD5' : checksumField(checksum)]: checksumOf(checksum, body) },
    signed: takesUnsigned ? UNSIGNED : digest().toString('hex'),
  };
}

/** The same of a body of which nothing but its SHA-256 is known yet, for a store that checks that. */
export function guardBySha256(digest: Buffer, takesUnsigned: boolean): Guard {
  return {
    parameters: { ChecksumSHA256: digest.toString('base64') },
    signed: takesUnsigned ? UNSIGNED : digest.toString('hex'),
  };
}

interface Stack {
  add(middleware: unknown, options: { step: 'build'; name: string }): void;
}

/**
 * Tells a command what is signed of its body, so that the client need not digest it once more (AWS Signature Version 4,
 * `x-amz-content-sha256`).
 */
export function withSigned<Command extends { middlewareStack: object }>(
  command: Command,
  signed: string,
): Command {
  const middleware =
    (next: (args: { request: HttpRequest }) => Promise<unknown>) =>
    (args: { request: HttpRequest }): Promise<unknown> => {
      args.request.headers['x-amz-content-sha256'] = signed;
      return next(args);
    };
  (command.middlewareStack as Stack).add(middleware, { step: 'build', name: 'signedBody' });
  return command;
}

/** As {@link withSigned}, of a body that the signature shall not cover. */
export function withUnsigned<Command extends { middlewareStack: object }>(command: Command): Command {
  return withSigned(command, UNSIGNED);
}
