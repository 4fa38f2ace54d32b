import { posix } from 'node:path';
import ssh2, { type SFTPWrapper, type Stats } from 'ssh2';
import {
  CCATDataOperationError,
  ConfigurationError,
  DestinationFileExistsError,
  StorageError,
} from '../exceptions.js';
import { noSpace, sendFile, type Destination, type DestinationFile } from './send-file.js';
import { SftpConnection, type Callback, type SftpTarget } from './sftp-connection.js';
import type { SendRequest, SendResult, Transport } from './transport.js';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

/** The most that OpenSSH takes in one request is 255 KiB; other servers are sent several. */
const CHUNK_BYTES = 255 * 1024;
/** Together 8 MiB on their way, four times the window that OpenSSH's server gives a channel: the line never waits for us. */
const WRITES_IN_FLIGHT = 32;
/** With less than this free, a write that failed without a reason failed for lack of space. */
const NEARLY_FULL_BYTES = 8 * 1024 * 1024;

/**
 * To a directory behind an SSH server, which must be OpenSSH's or know its extensions of SFTP (statvfs, fsync, posix-rename).
 *
 * A connection is kept for the next file; sends at the same time have one each. Aborting a `send` breaks its connection, since nothing
 * else surely ends what is on the line. SFTP can't flush a directory: a rename may be lost when the server's power fails at that
 * moment, which the destination's verification notices.
 */
export class SftpTransport implements Transport {
  readonly name = 'sftp';
  readonly #target: SftpTarget;
  readonly #inUse = new Set<SftpConnection>();
  readonly #idle: SftpConnection[] = [];

  constructor(target: SftpTarget) {
    this.#target = target;
  }

  async send(request: SendRequest): Promise<SendResult> {
    const { signal } = request;
    signal?.throwIfAborted();
    const connection = await this.#connected(signal);
    const onAbort = () => connection.fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort);
    this.#inUse.add(connection);
    try {
      const destination = new SftpDestination(connection, this.#target.directory);
      await destination.requireDirectory();
      return await sendFile(destination, request);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#inUse.delete(connection);
      this.#idle.push(connection);
    }
  }

  close(): Promise<void> {
    for (const connection of [...this.#inUse, ...this.#idle.splice(0)]) connection.close();
    return Promise.resolve();
  }

  async #connected(signal: AbortSignal | undefined): Promise<SftpConnection> {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (!kept.broken) return kept;
    }
    return SftpConnection.open(this.#target, signal);
  }
}

class SftpDestination implements Destination {
  readonly chunkBytes = CHUNK_BYTES;
  readonly writesInFlight = WRITES_IN_FLIGHT;
  readonly #connection: SftpConnection;
  readonly #directory: string;

  constructor(connection: SftpConnection, directory: string) {
    this.#connection = connection;
    this.#directory = directory;
  }

  /** It is never made here: a missing one may be a disk that is not mounted. */
  async requireDirectory(): Promise<void> {
    const found = await orUndefined(
      this.#connection.request<Stats>(this.#directory, (sftp, callback) =>
        sftp.stat(this.#directory, callback),
      ),
    );
    if (found?.isDirectory() === true) return;
    throw new ConfigurationError(`the destination ${this.#directory} is no directory there`, {
      subject: this.#directory,
      advice: 'Make the directory or mount its disk at the destination, or correct the path in the topology.',
    });
  }

  async size(name: string): Promise<number | undefined> {
    const path = this.#path(name);
    const found = await orUndefined(
      this.#connection.request<Stats>(path, (sftp, callback) => sftp.lstat(path, callback)),
    );
    if (found === undefined || found.isFile()) return found?.size;
    throw new DestinationFileExistsError(`${path} is there and is no regular file`, {
      subject: name,
      advice: 'Remove it at the destination, then retry.',
    });
  }

  /** The size is only a hint. To read the file back over the line would cost what it saves; the destination verifies it. */
  holds(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async free(): Promise<number> {
    const { f_bavail, f_frsize } = await this.#connection.request<{ f_bavail: number; f_frsize: number }>(
      this.#directory,
      (sftp, callback) => sftp.ext_openssh_statvfs(this.#directory, callback),
    );
    return f_bavail * f_frsize;
  }

  async remove(name: string): Promise<void> {
    const path = this.#path(name);
    await orUndefined(
      this.#connection.request<undefined>(path, (sftp, callback) => sftp.unlink(path, callback)),
    );
  }

  async open(name: string): Promise<DestinationFile> {
    const path = this.#path(name);
    const handle = await this.#connection.request<Buffer>(path, (sftp, callback) =>
      sftp.open(path, OPEN_MODE.WRITE | OPEN_MODE.CREAT, callback),
    );
    const request = (send: (sftp: SFTPWrapper, callback: Callback<undefined>) => void) =>
      this.#connection.request(path, send);
    return {
      write: async (data, position) => {
        try {
          await request((sftp, callback) => sftp.write(handle, data, 0, data.length, position, callback));
        } catch (error) {
          throw await this.#explain(error, name, data.length);
        }
      },
      flush: () => request((sftp, callback) => sftp.ext_openssh_fsync(handle, callback)),
      close: () => request((sftp, callback) => sftp.close(handle, callback)),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [this.#path(from), this.#path(to)];
    await orUndefined(
      this.#connection.request<undefined>(target, (sftp, callback) =>
        sftp.ext_openssh_rename(source, target, callback),
      ),
    );
  }

  /** SFTP has no status for a full disk, only "failure". */
  async #explain(error: unknown, name: string, needed: number): Promise<unknown> {
    if (!(error instanceof StorageError) || this.#connection.broken) return error;
    const free = await this.free();
    return free < NEARLY_FULL_BYTES ? noSpace(name, needed, free) : error;
  }

  #path(name: string): string {
    return posix.join(this.#directory, name);
  }
}

/** What the request gives, or undefined when there is nothing of that name. */
async function orUndefined<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof CCATDataOperationError && error.context['sftpStatus'] === STATUS_CODE.NO_SUCH_FILE)
      return undefined;
    throw error;
  }
}
