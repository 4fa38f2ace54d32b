import { sendFile } from './send-file.js';
import type { SftpTarget } from './sftp-connection.js';
import { SftpDestination } from './sftp-destination.js';
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
  readonly parallelSends = 1;
  readonly #pool: SftpPool;
  readonly #directory: string;

  constructor(target: SftpTarget) {
    this.#pool = new SftpPool(target);
    this.#directory = target.directory;
  }

  async send(request: SendRequest): Promise<SendResult> {
    const { signal } = request;
    signal?.throwIfAborted();
    const lease = await SftpLease.begin(this.#pool, signal);
    const onAbort = () => lease.fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort);
    try {
      return await sendFile(new SftpDestination(lease, this.#directory), request);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      lease.end();
    }
  }

  close(): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }
}
