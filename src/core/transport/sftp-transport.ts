import { sendFile } from './send-file.js';
import type { SftpTarget } from './sftp-connection.js';
import { SftpDestination } from './sftp-destination.js';
import { connectionsFor } from './sftp-file.js';
import { SftpLease, SftpPool } from './sftp-pool.js';
import type { SendRequest, SendResult, Transport } from './transport.js';

/**
 * To a directory behind an SSH server, which must be OpenSSH's or know its extensions of SFTP (statvfs, fsync, posix-rename).
 *
 * What one connection carries is bounded by the window that the server gives it, so a large file is written over several at once. They are
 * kept for the next file; sends at the same time have their own. Aborting a `send` breaks its connections, since nothing else surely ends
 * what is on the line. SFTP can't flush a directory: a rename may be lost when the server's power fails at that moment, which the
 * destination's verification notices.
 */
export class SftpTransport implements Transport {
  readonly name = 'sftp';
  /** A small file costs round trips and hardly any bytes. */
  readonly parallelSends = 4;
  readonly #pool: SftpPool;
  readonly #directory: string;

  constructor(target: SftpTarget) {
    this.#pool = new SftpPool(target);
    this.#directory = target.directory;
  }

  send(request: SendRequest): Promise<SendResult> {
    const { signal, bytes } = request;
    return SftpLease.around(this.#pool, { signal, more: connectionsFor(bytes) }, (lease) =>
      sendFile(new SftpDestination(lease, this.#directory), request),
    );
  }

  close(): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }
}
