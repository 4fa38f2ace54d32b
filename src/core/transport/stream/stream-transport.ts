import { NetworkError } from '../../exceptions.js';
import { checkPlainName } from '../../utilities/disk.js';
import type { SendRequest, SendResult, Transport } from '../transport.js';
import { BufferPool } from './buffer-pool.js';
import type { StreamConnections } from './connections.js';
import { MIB } from './frames.js';
import { Sending, type Way } from './sending.js';
import { StreamCount } from './stream-count.js';
import { StreamPool } from './stream-pool.js';
import { WorkQueue, type Block, type Work } from './work-queue.js';

/** Buffers for what is read and not in the kernel yet. */
const MEMORY_BYTES = 32 * MIB;
/** For so many bytes one stream is worth its handshake. */
const BYTES_A_STREAM = MIB;
const LOOK_MS = 500;
/** What is left must last ten times as long as a trial of more streams, which costs some of the rate. */
const TRIAL_SECONDS = 30;
const MOST_STREAMS = 64;

export interface StreamWay {
  connections: StreamConnections;
  /** The destination, as its site calls it: `cologne.buffer`. */
  location: string;
  /** Streams at most; 64 where nothing is said. */
  maxStreams?: number;
  /** Told the bytes of each piece that has to be sent again, because it arrived wrong or its stream broke. */
  onAgain?: (bytes: number) => void;
}

/**
 * To the worker of another site, over any number of TLS connections between the two: docs/decisions/0401-stream-protocol.md.
 *
 * All sends share the streams. A send goes on with what the other end has on disk, whoever sent it. When the last stream is gone every send
 * fails with the reason, and the next `send` dials anew. Aborting a send ends the streams if no other send uses them, since nothing
 * else surely ends what is on the line.
 */
export class StreamTransport implements Transport, Way {
  readonly name = 'stream';
  readonly parallelSends = 256;
  readonly buffers = new BufferPool(MEMORY_BYTES);
  readonly #queue = new WorkQueue();
  readonly #sendings = new Set<Sending>();
  readonly #pool: StreamPool;
  readonly #count: StreamCount;
  #timer: NodeJS.Timeout | undefined;
  #looked = { at: 0, bytes: 0 };
  #numbers = 0;
  #isClosed = false;
  readonly #onAgain: ((bytes: number) => void) | undefined;

  constructor(way: StreamWay) {
    this.#pool = new StreamPool(way, this.#queue, (reason) => this.#fail(reason));
    this.#count = new StreamCount(way.maxStreams ?? MOST_STREAMS);
    this.#onAgain = way.onAgain;
  }

  get streams(): number {
    return this.#wanted();
  }

  get window(): number {
    return this.#queue.window;
  }

  push(work: Work | Block): void {
    this.#queue.push(work);
  }

  async send(request: SendRequest): Promise<SendResult> {
    request.signal?.throwIfAborted();
    checkPlainName(request.name);
    if (this.#isClosed) throw closed();
    const sending = new Sending(request, ++this.#numbers, this);
    this.#sendings.add(sending);
    try {
      this.#adapt();
      return await sending.run();
    } finally {
      this.#sendings.delete(sending);
      this.#queue.drop(sending);
      this.#pool.forget(sending.number);
      if (this.#sendings.size === 0) this.#rest(request.signal);
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    for (const sending of this.#sendings) sending.fail(closed());
    this.#pool.close();
    clearInterval(this.#timer);
    return Promise.resolve();
  }

  again(bytes: number): void {
    this.#onAgain?.(bytes);
  }

  #adapt(): void {
    this.#pool.want(Math.max(this.#pool.size, this.#wanted()));
    if (this.#timer !== undefined) return;
    this.#looked = { at: performance.now(), bytes: this.#pool.bytesWritten };
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
  }

  /** No more than what is to be sent is worth. */
  #wanted(): number {
    return Math.min(this.#count.streams, Math.max(1, Math.ceil(this.#left / BYTES_A_STREAM)));
  }

  /** Bytes of all sends that the other end does not have yet. */
  get #left(): number {
    let left = 0;
    for (const sending of this.#sendings) left += sending.left;
    return left;
  }

  #look(): void {
    this.#pool.refill(this.#wanted());
    const [at, bytes] = [performance.now(), this.#pool.bytesWritten];
    const rate = ((bytes - this.#looked.bytes) * 1000) / (at - this.#looked.at);
    this.#looked = { at, bytes };
    // Where streams waited for work it was not the line that set the rate; and a trial near the end only disturbs.
    const isUseful = !this.#queue.wasIdle() && this.#pool.size >= this.#count.streams;
    if (isUseful && this.#left > TRIAL_SECONDS * rate) this.#pool.want(this.#count.look(rate));
  }

  #fail(reason: Error): void {
    for (const sending of this.#sendings) sending.fail(reason);
    this.#pool.reset(reason);
  }

  #rest(signal: AbortSignal | undefined): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (signal?.aborted === true) this.#pool.reset(signal.reason as Error);
  }
}

function closed(): NetworkError {
  return new NetworkError('the transport was closed');
}
