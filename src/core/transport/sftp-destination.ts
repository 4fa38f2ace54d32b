import { posix } from 'node:path';
import ssh2, { type SFTPWrapper, type Stats } from 'ssh2';
import {
  CCATDataOperationError,
  ConfigurationError,
  DestinationFileExistsError,
  StorageError,
} from '../exceptions.js';
import type { Destination, DestinationFile } from './send-file.js';
import type { Callback } from './sftp-connection.js';
import { inDoubt, SFTP_CHUNK_BYTES, SftpFile } from './sftp-file.js';
import type { SftpLease } from './sftp-pool.js';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;

/** With less than this free, a write that failed without a reason failed for lack of space. */
const NEARLY_FULL_BYTES = 8 * 1024 * 1024;

const READABLE = 0o644;

/** A directory behind an SSH server. */
export class SftpDestination implements Destination {
  readonly chunkBytes = SFTP_CHUNK_BYTES;
  readonly inDoubt: (bytes: number) => number = inDoubt;
  readonly #lease: SftpLease;
  readonly directory: string;

  constructor(lease: SftpLease, directory: string) {
    this.#lease = lease;
    this.directory = directory;
  }

  /** It is never made here: a missing one may be a disk that is not mounted. */
  async requireDirectory(): Promise<void> {
    const found = await orUndefined(
      this.#request<Stats>(this.directory, (sftp, callback) => sftp.stat(this.directory, callback)),
    );
    if (found?.isDirectory() === true) return;
    throw new ConfigurationError(`the destination ${this.directory} is no directory there`, {
      subject: this.directory,
      advice: 'Make the directory or mount its disk at the destination, or correct the path in the topology.',
    });
  }

  async size(name: string): Promise<number | undefined> {
    const path = this.path(name);
    const found = await orUndefined(
      this.#request<Stats>(path, (sftp, callback) => sftp.lstat(path, callback)),
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
    const { f_bavail, f_frsize } = await this.#request<{ f_bavail: number; f_frsize: number }>(
      this.directory,
      (sftp, callback) => sftp.ext_openssh_statvfs(this.directory, callback),
    );
    return f_bavail * f_frsize;
  }

  async remove(name: string): Promise<void> {
    const path = this.path(name);
    await orUndefined(this.#request<undefined>(path, (sftp, callback) => sftp.unlink(path, callback)));
  }

  open(name: string): Promise<DestinationFile> {
    return SftpFile.open(this.#lease, this.path(name));
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [this.path(from), this.path(to)];
    await orUndefined(
      this.#request<undefined>(target, (sftp, callback) => sftp.ext_openssh_rename(source, target, callback)),
    );
  }

  /** Brings to disk what another program wrote into a file, and lets all read it; that it is gone, as after {@link rename}, is success. */
  async settle(name: string): Promise<void> {
    const path = this.path(name);
    const handle = await orUndefined(
      this.#request<Buffer>(path, (sftp, callback) => sftp.open(path, OPEN_MODE.WRITE, callback)),
    );
    if (handle === undefined) return;
    const request = (send: (sftp: SFTPWrapper, callback: Callback<undefined>) => void) =>
      this.#request(path, send);
    await request((sftp, callback) => sftp.fchmod(handle, READABLE, callback));
    await request((sftp, callback) => sftp.ext_openssh_fsync(handle, callback));
    await request((sftp, callback) => sftp.close(handle, callback));
  }

  /** Where a file of this name lies there. */
  path(name: string): string {
    return posix.join(this.directory, name);
  }

  /** SFTP has no status for a full disk, only "failure". */
  async isFull(error: unknown): Promise<boolean> {
    if (!(error instanceof StorageError) || this.#lease.first.broken) return false;
    return (await this.free()) < NEARLY_FULL_BYTES;
  }

  #request<T>(subject: string, send: (sftp: SFTPWrapper, callback: Callback<T>) => void): Promise<T> {
    return this.#lease.first.request<T>(subject, send);
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
