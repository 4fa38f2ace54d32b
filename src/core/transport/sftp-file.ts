import ssh2, { type SFTPWrapper } from 'ssh2';
import { settled } from '../utilities/settled.js';
import type { Callback, SftpConnection } from './sftp-connection.js';
import type { SftpLease } from './sftp-pool.js';
import type { DestinationFile } from './send-file.js';

const { OPEN_MODE } = ssh2.utils.sftp;

/** The most that OpenSSH takes in one request is 255 KiB; other servers are sent several. */
export const SFTP_CHUNK_BYTES = 255 * 1024;
/** OpenSSH's server takes 2 MiB of a connection at a time: these are twice that, so that the line never waits for us. */
const WRITES_IN_LANE = 16;
/** Each lane carries 2 MiB per round trip, 10 MB/s over 200 ms. */
const MOST_LANES = 8;
/** Below two of these a file is over before another connection is open. */
const BYTES_FOR_LANE = 16 * 1024 * 1024;

/** How many connections a file of this size is worth. */
export function lanesFor(bytes: number): number {
  return bytes <= 2 * BYTES_FOR_LANE ? 1 : Math.min(MOST_LANES, Math.ceil(bytes / BYTES_FOR_LANE));
}

/**
 * What may be missing before the end of a partial file of so many bytes in all. One connection writes in order. Several don't, but no
 * write begins that is further than this from the first one that is not done.
 */
export function inDoubt(bytes: number): number {
  const lanes = lanesFor(bytes);
  return lanes === 1 ? 0 : lanes * WRITES_IN_LANE * SFTP_CHUNK_BYTES;
}

/** One connection with the file open on it. */
interface Lane {
  connection: SftpConnection;
  handle: Buffer;
  writing: number;
}

/** A file at the other end that is written over several connections: each write goes over the one that has the least to do. */
export class SftpFile implements DestinationFile {
  readonly #lanes: Lane[] = [];
  readonly #growing: Promise<unknown>[] = [];
  #closed = false;

  private constructor(
    private readonly lease: SftpLease,
    private readonly path: string,
  ) {}

  /** Opens it, or makes it; further connections join when they are open. */
  static async open(lease: SftpLease, path: string, lanes: number): Promise<SftpFile> {
    const file = new SftpFile(lease, path);
    await file.#addLane(lease.first, OPEN_MODE.WRITE | OPEN_MODE.CREAT);
    for (let lane = 1; lane < lanes; lane += 1) file.#growing.push(settled(file.#grow()));
    return file;
  }

  get writesInFlight(): number {
    return this.#lanes.length * WRITES_IN_LANE;
  }

  async write(data: Buffer, position: number): Promise<void> {
    const lane = this.#lanes.reduce((least, one) => (one.writing < least.writing ? one : least));
    lane.writing += 1;
    try {
      await this.#request(lane, (sftp, callback) =>
        sftp.write(lane.handle, data, 0, data.length, position, callback),
      );
    } finally {
      lane.writing -= 1;
    }
  }

  /** Over one of them: the server flushes the file, whoever wrote to it. */
  flush(): Promise<void> {
    const [first] = this.#lanes as [Lane];
    return this.#request(first, (sftp, callback) => sftp.ext_openssh_fsync(first.handle, callback));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.lease.stopGrowing();
    await Promise.all(this.#growing);
    const closed = await Promise.allSettled(this.#lanes.map((lane) => this.#close(lane)));
    const failed = closed.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #grow(): Promise<void> {
    const connection = await this.lease.another();
    // One that fails now, the file being renamed meanwhile, only means one fewer.
    if (connection !== undefined && !this.#closed) await this.#addLane(connection, OPEN_MODE.WRITE);
  }

  async #addLane(connection: SftpConnection, mode: number): Promise<void> {
    const handle = await connection.request<Buffer>(this.path, (sftp, callback) =>
      sftp.open(this.path, mode, callback),
    );
    this.#lanes.push({ connection, handle, writing: 0 });
  }

  #close(lane: Lane): Promise<void> {
    return this.#request(lane, (sftp, callback) => sftp.close(lane.handle, callback));
  }

  #request(lane: Lane, send: (sftp: SFTPWrapper, callback: Callback<undefined>) => void): Promise<void> {
    return lane.connection.request(this.path, send);
  }
}
