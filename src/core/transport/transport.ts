import type { TransferOptions } from '../storage/archive-store.js';
import type { BbcpOptions } from '../utilities/bbcp.js';

export interface SendRequest extends TransferOptions {
  /** The file to send: an absolute path at the origin. */
  file: string;
  /** Its name at the destination: a plain file name, never a path. */
  name: string;
  bytes: number;
  /** Hex digest of the file; what is read must match it, else DataCorruptionError and nothing is published. */
  sha256: string;
  /** That whoever asks digests what arrives, and on a failure asks again without this: where little is lost by that, it need not be digested on the way. */
  digestedOnArrival?: boolean;
  /** Waits before so many bytes go over the line, where the line has a limit. */
  pace?: (bytes: number) => Promise<void>;
}

export interface SendResult {
  /** Bytes that went over the line in this attempt; less than the file's after a resume. */
  bytesSent: number;
  /** True where the destination already had the file. */
  alreadyThere: boolean;
}

/**
 * Bytes on the way between two sites. `send` writes beside the target (`.part`), flushes and renames; an
 * interrupted send goes on where the destination's partial file ends. The destination verifies by reading back; the transport does not.
 * Throws classes of `exceptions.ts` only.
 */
export interface Transport {
  readonly name: string;
  /** How many calls of `send` at once are of use: more than one where they share a line whose round trip would show otherwise. */
  readonly parallelSends: number;
  send(request: SendRequest): Promise<SendResult>;
  /** Releases connections. */
  close(): Promise<void>;
}

/** How to reach a directory at another site; what a route's row in the catalogue says. */
export type TransportTarget =
  | { transport: 'local'; directory: string }
  | {
      transport: 'sftp';
      directory: string;
      host: string;
      port: number;
      username: string;
      /** Path of the private key on the worker's host. */
      identityFile: string;
      /** Path of the known_hosts file that must list the host's key. */
      knownHostsFile: string;
    }
  | {
      transport: 'bbcp';
      directory: string;
      /** The SSH server beside which bbcp runs there. */
      host: string;
      port: number;
      username: string;
      identityFile: string;
      knownHostsFile: string;
      bbcp?: BbcpOptions;
      /** Bytes per second: bbcp's own limit, since nobody else can slow it down. Sends are one after the other then. */
      maxBytesPerSecond?: number;
    };
