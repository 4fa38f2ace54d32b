import { DataTransferError, NetworkError } from '../../exceptions.js';
import type { StreamConnection } from './connection.js';
import { decodePieces } from './pieces.js';
import type { Sending } from './sending.js';
import { revive } from './told-error.js';
import { PieceSize } from './piece-size.js';
import type { Load, Taker, Work, WorkQueue } from './work-queue.js';

/** One stream of a sender: takes what is next as soon as its socket has drained, and hears the answers. */
export class SendingStream implements Taker {
  readonly connection: StreamConnection;
  readonly #queue: WorkQueue;
  /** Files that were opened on this connection. */
  readonly #opened = new Map<number, Sending>();
  /** What was said and not answered yet. */
  readonly #unanswered = new Map<string, Work>();
  /** Files that were opened here only because something of them goes over this stream: the answer is known already. */
  readonly #knownAnswer = new Set<number>();
  readonly #size = new PieceSize();
  /** Settled once the other end has said anything here, or the connection has ended. */
  readonly #heard: Promise<void>;
  #onHeard: () => void = ignore;
  #isRetired = false;
  #wasAnswered = false;

  constructor(connection: StreamConnection, queue: WorkQueue) {
    this.connection = connection;
    this.#queue = queue;
    this.#heard = new Promise((resolve) => (this.#onHeard = resolve));
  }

  /** Whether the other end has ever answered something that was said here. */
  get wasAnswered(): boolean {
    return this.#wasAnswered;
  }

  /** Bytes that left for the kernel. */
  get bytesWritten(): number {
    return this.connection.bytesWritten;
  }

  get appetite(): number {
    return this.#size.bytes;
  }

  /** Works until the connection ends, and gives back what was not answered. */
  async run(): Promise<Error> {
    this.connection.onEnd(() => {
      this.#queue.leave(this);
      this.#onHeard();
    });
    this.#write().catch((error: unknown) => this.connection.fail(error as Error));
    try {
      await this.#hear();
    } catch (error) {
      this.connection.fail(error as Error);
    }
    for (const work of this.#unanswered.values()) {
      this.#queue.gone(work);
      work.sending.lost(work);
    }
    return this.connection.failure ?? endedBy(this.connection.peer.name);
  }

  /** Takes nothing new any more, and ends when everything is answered. */
  retire(): void {
    this.#isRetired = true;
    this.#queue.leave(this);
    this.#endIfDone();
  }

  /** The number of a file will not be used any more. */
  forget(file: number): void {
    for (const [key, work] of this.#unanswered) {
      if (work.sending.number !== file) continue;
      this.#unanswered.delete(key);
      this.#queue.gone(work);
    }
    this.#knownAnswer.delete(file);
    if (this.#opened.delete(file)) this.connection.write('close', { file }).catch(ignore);
    this.#endIfDone();
  }

  async #write(): Promise<void> {
    while (!this.#isRetired && this.connection.failure === undefined) {
      const work = await this.#queue.take(this);
      if (work === undefined) return;
      await this.#say(work);
      // So much is ready long before TCP sends it: what follows is left to the streams that open next.
      if (work.kind === 'piece') await this.#heard;
    }
  }

  async #say(work: Work): Promise<void> {
    const { sending } = work;
    if (sending.isOver) {
      if ('release' in work) work.release();
      this.#queue.gone(work);
      return;
    }
    const { number: file } = sending;
    this.#unanswered.set(keyOf(work), work);
    try {
      if (work.kind !== 'whole') await this.#open(sending, work.kind);
    } catch (error) {
      if ('release' in work) work.release();
      throw error;
    }
    if ('body' in work) await this.#send(work);
    else if (work.kind !== 'open') await this.connection.write(work.kind, { file });
  }

  /** Names a file before it is first spoken of on this connection. */
  async #open(sending: Sending, reason: Work['kind']): Promise<void> {
    const { number: file, request } = sending;
    const { name, bytes, sha256 } = request;
    if (this.#opened.has(file)) return;
    this.#opened.set(file, sending);
    if (reason !== 'open') this.#knownAnswer.add(file);
    await this.connection.write('open', { file, name, bytes, sha256 });
  }

  async #send({ sending, kind, piece, body, release }: Load): Promise<void> {
    const { number: file, request } = sending;
    const { number, offset, length, sha256 } = piece;
    const began = performance.now();
    if (kind === 'whole')
      await this.connection.write(kind, { file, name: request.name, sha256 }, body, release);
    else await this.connection.write(kind, { file, piece: number, offset, sha256 }, body, release);
    this.#size.took(performance.now() - began, length);
  }

  async #hear(): Promise<void> {
    const { connection } = this;
    for (let frame = await connection.next(); frame !== undefined; frame = await connection.next()) {
      this.#onHeard();
      switch (frame.type) {
        case 'alive':
          break;
        case 'state': {
          const body = Buffer.allocUnsafe(frame.bodyBytes);
          await connection.body(body);
          if (this.#knownAnswer.delete(frame.header.file)) break;
          this.#answer(frame.header.file, ['open', 'check'], (sending) =>
            sending.onState(decodePieces(body, sending.request.bytes)),
          );
          break;
        }
        case 'there':
          if (this.#knownAnswer.delete(frame.header.file)) break;
          this.#answer(frame.header.file, ['open'], (sending) => sending.onThere());
          break;
        case 'progress':
          this.#opened.get(frame.header.file)?.onCompared(frame.header.bytes);
          break;
        case 'came': {
          const work = this.#unanswered.get(`${frame.header.file} piece ${frame.header.piece}`);
          if (work !== undefined) this.#queue.came(work);
          break;
        }
        case 'ack':
          for (const piece of frame.header.pieces)
            this.#answer(frame.header.file, [`piece ${piece}`], (sending) => sending.onKept(piece));
          break;
        case 'wrong':
          this.#answer(frame.header.file, [`piece ${frame.header.piece}`], (sending, work) =>
            sending.onWrong(work),
          );
          break;
        case 'done': {
          const { file, alreadyThere } = frame.header;
          this.#answer(file, ['check', 'commit', 'discard', 'piece 0'], (sending) =>
            sending.onDone(alreadyThere),
          );
          break;
        }
        case 'failed': {
          const error = revive(frame.header.error, connection.peer.name);
          if (frame.header.file === undefined) throw error;
          this.#sendingOf(frame.header.file)?.fail(error);
          break;
        }
        default:
          throw new DataTransferError(
            `${connection.peer.name} sent a ${frame.type}, which is for senders to send`,
          );
      }
    }
  }

  /** Finds what this answers; an answer to nothing is one to something that was given up meanwhile. */
  #answer(file: number, to: string[], act: (sending: Sending, work: Work) => void): void {
    for (const kind of to) {
      const work = this.#unanswered.get(`${file} ${kind}`);
      if (work === undefined) continue;
      this.#unanswered.delete(`${file} ${kind}`);
      this.#queue.answered(work);
      this.#wasAnswered = true;
      act(work.sending, work);
      break;
    }
    this.#endIfDone();
  }

  #sendingOf(file: number): Sending | undefined {
    return this.#opened.get(file) ?? this.#unanswered.get(`${file} piece 0`)?.sending;
  }

  #endIfDone(): void {
    if (this.#isRetired && this.#unanswered.size === 0) this.connection.close();
  }
}

function endedBy(peer: string): NetworkError {
  return new NetworkError(`${peer} ended the connection`, { subject: peer });
}

function keyOf(work: Work): string {
  return `${work.sending.number} ${'piece' in work ? `piece ${work.piece.number}` : work.kind}`;
}

/** Whoever reads from the connection hears how it ended. */
function ignore(): void {
  // Nothing to do.
}
