import ssh2, { type SFTPWrapper } from 'ssh2';
import { settled } from '../utilities/settled.js';
import type { DestinationFile } from './send-file.js';
import type { Callback, SftpConnection, SftpRequests } from './sftp-connection.js';
import type { SftpLease } from './sftp-pool.js';

const { OPEN_MODE } = ssh2.utils.sftp;

/** The most that OpenSSH takes in one request is 255 KiB; other servers are sent several. */
export const SFTP_CHUNK_BYTES = 255 * 1024;
/** OpenSSH's server takes 2 MiB of a session at a time: these are half as much again, so that the line never waits for us. */
const WRITES_IN_LANE = 12;
/** Of one connection, which is one TCP stream: what two sessions carry is about what its buffers do. */
const LANES_IN_CONNECTION = 2;
/** Each with two lanes of 2 MiB per round trip, which are 20 MB/s over 200 ms: together 1 Gbit/s. */
const MOST_CONNECTIONS = 6;
/** A file of this size is over before another connection is open. */
const BYTES_FOR_CONNECTION = 32 * 1024 * 1024;

/** How many connections a file of this size is written over; none where the first alone is enough. */
export function connectionsFor(bytes: number): number {
  return bytes <= BYTES_FOR_CONNECTION
    ? 0
    : Math.min(MOST_CONNECTIONS, Math.ceil(bytes / BYTES_FOR_CONNECTION));
}

/**
 * What may be missing before the end of a partial file of so many bytes in all. One session writes in order. Several don't, but no
 * write begins that is further than this from the first one that is not done.
 */
export function inDoubt(bytes: number): number {
  return connectionsFor(bytes) * LANES_IN_CONNECTION * WRITES_IN_LANE * SFTP_CHUNK_BYTES;
}

/** One session with the file open on it. */
interface Lane {
  request: SftpRequests;
  handle: Buffer;
  writing: number;
}

/**
 * A file at the other end. A large one is written over the further connections of a lease as they open, each write over the lane that
 * has the least to do; the first connection only until there are others, since a flush keeps a session busy and nothing is to wait behind it.
 */
export class SftpFile implements DestinationFile {
  readonly #lanes: Lane[] = [];
  readonly #growing: Promise<unknown>;

  private constructor(
    private readonly lease: SftpLease,
    private readonly path: string,
    private readonly first: Lane,
  ) {
    this.#growing = Promise.all(lease.more.map((opening) => settled(this.#grow(opening))));
  }

  /** Opens it, or makes it. */
  static async open(lease: SftpLease, path: string): Promise<SftpFile> {
    const request: SftpRequests = (subject, send) => lease.first.request(subject, send);
    return new SftpFile(lease, path, await openLane(request, path, OPEN_MODE.WRITE | OPEN_MODE.CREAT));
  }

  get writesInFlight(): number {
    return Math.max(1, this.#lanes.length) * WRITES_IN_LANE;
  }

  async write(data: Buffer, position: number): Promise<void> {
    const [head = this.first, ...others] = this.#lanes;
    const lane = others.reduce((least, one) => (one.writing < least.writing ? one : least), head);
    lane.writing += 1;
    try {
      await this.#request(lane, (sftp, callback) =>
        sftp.write(lane.handle, data, 0, data.length, position, callback),
      );
    } finally {
      lane.writing -= 1;
    }
  }

  /** The server flushes the file, whoever wrote to it. */
  flush(): Promise<void> {
    return this.#request(this.first, (sftp, callback) => sftp.ext_openssh_fsync(this.first.handle, callback));
  }

  async close(): Promise<void> {
    this.lease.stopGrowing();
    await this.#growing;
    const all = [this.first, ...this.#lanes];
    const closed = await Promise.allSettled(
      all.map((lane) => this.#request(lane, (sftp, callback) => sftp.close(lane.handle, callback))),
    );
    const failed = closed.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** What fails here, the file being renamed meanwhile for one, only means a lane fewer. */
  async #grow(opening: Promise<SftpConnection | undefined>): Promise<void> {
    const connection = await opening;
    if (connection === undefined) return;
    const sessions: Promise<SftpRequests>[] = [
      Promise.resolve((subject, send) => connection.request(subject, send)),
    ];
    while (sessions.length < LANES_IN_CONNECTION) sessions.push(connection.openSession());
    const join = async (session: Promise<SftpRequests>) =>
      this.#lanes.push(await openLane(await session, this.path, OPEN_MODE.WRITE));
    await Promise.allSettled(sessions.map(join));
  }

  #request(lane: Lane, send: (sftp: SFTPWrapper, callback: Callback<undefined>) => void): Promise<void> {
    return lane.request(this.path, send);
  }
}

async function openLane(request: SftpRequests, path: string, mode: number): Promise<Lane> {
  const handle = await request<Buffer>(path, (sftp, callback) => sftp.open(path, mode, callback));
  return { request, handle, writing: 0 };
}
