import { createHash } from 'node:crypto';
import { DataTransferError } from '../../exceptions.js';
import { classifyDiskError } from '../../utilities/disk.js';
import type { BufferPool, Lease } from './buffer-pool.js';
import type { StreamConnection } from './connection.js';
import type { Frame, HeaderOf } from './frames.js';
import { requireProtocol } from './protocol.js';
import { encodePieces } from './pieces.js';
import { receiveWhole } from './receive-whole.js';
import { openReceiving, type Opened } from './receiving-files.js';
import { Slots } from './slots.js';
import { revive, tell } from './told-error.js';

/** Files that a connection has open at once, and pieces and files that are written at once. */
const MOST_FILES = 2000;
const MOST_TASKS = 64;
/** Bytes compared before the sender is told again. */
const PROGRESS_BYTES = 64 * 1024 * 1024;

type DirectoryOf = (asked: { location: string; from: string }) => Promise<string>;

/** What a receiver does on one data connection. */
export class Reception {
  readonly #connection: StreamConnection;
  readonly #directoryOf: DirectoryOf;
  readonly #buffers: BufferPool;
  readonly #files = new Map<number, Promise<Opened>>();
  readonly #slots = new Slots(MOST_TASKS);
  readonly #tasks = new Set<Promise<void>>();
  #directory = '';
  #asked = { location: '', from: '' };

  constructor(connection: StreamConnection, directoryOf: DirectoryOf, buffers: BufferPool) {
    this.#connection = connection;
    this.#directoryOf = directoryOf;
    this.#buffers = buffers;
  }

  /** Receives until the other end says goodbye. */
  async run(hello?: HeaderOf<'hello'>): Promise<void> {
    const connection = this.#connection;
    try {
      const { location } = hello ?? (await this.#hear());
      if (location === undefined) throw new DataTransferError(`${connection.peer.name} names no location`);
      this.#asked = { location, from: connection.peer.site };
      await this.#where();
      for (let frame = await connection.next(); frame !== undefined; frame = await connection.next()) {
        await this.#serve(frame);
      }
      connection.close();
    } catch (error) {
      await connection.refuse(error as Error);
      throw error;
    } finally {
      await Promise.all(this.#tasks);
      await Promise.all([...this.#files.keys()].map((file) => this.#close(file)));
    }
  }

  /** Where files go now: its disk may have gone since the last one. */
  async #where(): Promise<string> {
    return (this.#directory = await this.#directoryOf(this.#asked));
  }

  /** The hello of a sender that called us. */
  async #hear(): Promise<HeaderOf<'hello'>> {
    const frame = await this.#connection.next();
    const { name } = this.#connection.peer;
    if (frame?.type === 'failed') throw revive(frame.header.error, name);
    if (frame?.type !== 'hello') throw new DataTransferError(`${name} did not say hello`);
    requireProtocol(frame.header, name);
    return frame.header;
  }

  async #serve(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'open':
        return this.#open(frame.header);
      case 'piece':
        return this.#piece(frame.header, frame.bodyBytes);
      case 'whole':
        return this.#whole(frame.header, frame.bodyBytes);
      case 'commit':
        // It may wait for pieces on other connections: no slot is held, and the connection does not wait for it.
        void this.#run(frame.header.file, () => this.#commit(frame.header.file));
        return;
      case 'check':
        return this.#start(frame.header.file, () => this.#check(frame.header.file));
      case 'discard':
        return this.#start(frame.header.file, () => this.#discard(frame.header.file));
      case 'close':
        return this.#start(frame.header.file, () => this.#close(frame.header.file));
      case 'alive':
        return;
      case 'failed':
        throw revive(frame.header.error, this.#connection.peer.name);
      default:
        throw new DataTransferError(
          `${this.#connection.peer.name} sent a ${frame.type}, which is for receivers to send`,
        );
    }
  }

  async #open({ file, name, bytes, sha256 }: HeaderOf<'open'>): Promise<void> {
    if (this.#files.has(file) || this.#files.size >= MOST_FILES)
      throw new DataTransferError(`${this.#connection.peer.name} opened too many files`);
    let told = 0;
    const onProgress = (done: number) => {
      if (done - told < PROGRESS_BYTES) return;
      told = done;
      this.#connection.write('progress', { file, bytes: done }).catch(ignore);
    };
    // In a function of its own, so that a name that is none is this file's failure.
    const opening = (async () =>
      openReceiving({ directory: await this.#where(), name, bytes, sha256 }, onProgress))();
    opening.catch(ignore); // told below
    this.#files.set(file, opening);
    await this.#start(file, async () => {
      const opened = await opening;
      if (opened.file === undefined) await this.#connection.write('there', { file });
      else await this.#connection.write('state', { file }, encodePieces(opened.file.held));
    });
  }

  async #piece({ file, piece, offset, sha256 }: HeaderOf<'piece'>, length: number): Promise<void> {
    const lease = await this.#read(length);
    await this.#start(
      file,
      async () => {
        const { file: receiving } = await this.#opened(file);
        if (length === 0 || offset + length > (receiving?.target.bytes ?? Infinity))
          throw new DataTransferError(`a piece is empty, or lies behind the end of the file`);
        if (digestOf(lease.buffer) !== sha256) {
          await this.#connection.write('wrong', { file, piece });
          return;
        }
        this.#connection.write('came', { file, piece }).catch(ignore);
        await receiving?.write(lease.buffer, offset);
        lease.release();
        await receiving?.keep({ offset, length, sha256 });
        await this.#connection.write('ack', { file, pieces: [piece] });
      },
      lease,
    );
  }

  async #whole({ file, name, sha256 }: HeaderOf<'whole'>, bytes: number): Promise<void> {
    const lease = await this.#read(bytes);
    await this.#start(
      file,
      async () => {
        if (digestOf(lease.buffer) !== sha256) {
          await this.#connection.write('wrong', { file, piece: 0 });
          return;
        }
        const target = { directory: await this.#where(), name, bytes, sha256 };
        const alreadyThere = await receiveWhole(target, lease.buffer);
        await this.#connection.write('done', { file, alreadyThere });
      },
      lease,
    );
  }

  async #commit(file: number): Promise<void> {
    const opened = await this.#opened(file);
    await opened.file?.publish();
    opened.forget();
    await this.#connection.write('done', { file, alreadyThere: opened.file === undefined });
  }

  async #check(file: number): Promise<void> {
    const opened = await this.#opened(file);
    if (opened.file === undefined || (await opened.file.check())) return this.#commit(file);
    await this.#connection.write('state', { file }, encodePieces(opened.file.held));
  }

  async #discard(file: number): Promise<void> {
    const opened = await this.#opened(file);
    opened.forget();
    await opened.file?.discard();
    await this.#connection.write('done', { file, alreadyThere: false });
  }

  async #close(file: number): Promise<void> {
    const opening = this.#files.get(file);
    this.#files.delete(file);
    await (await opening?.catch(ignore))?.release();
  }

  #opened(file: number): Promise<Opened> {
    const opening = this.#files.get(file);
    if (opening === undefined)
      throw new DataTransferError(`the file ${file} was never opened on this connection`);
    return opening;
  }

  async #read(length: number): Promise<Lease> {
    const lease = await this.#buffers.take(length);
    try {
      await this.#connection.body(lease.buffer);
      return lease;
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  /** Begins a piece of work on a file as soon as there is a slot for it; its failure is told to the sender. */
  async #start(file: number, work: () => Promise<void>, lease?: Lease): Promise<void> {
    await this.#slots.take();
    const task = this.#run(file, work).finally(() => {
      lease?.release();
      this.#slots.release();
      this.#tasks.delete(task);
    });
    this.#tasks.add(task);
  }

  async #run(file: number, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#connection.failure !== undefined) return;
      (await this.#files.get(file)?.catch(ignore))?.forget();
      const told = tell(classifyDiskError(error, { subject: this.#directory }));
      await this.#connection.write('failed', { file, error: told }).catch(ignore);
    }
  }
}

function digestOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Who waits for it is told on its own way. */
function ignore(): undefined {
  return undefined;
}
