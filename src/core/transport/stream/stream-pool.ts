import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { CCATDataOperationError, NetworkError } from '../../exceptions.js';
import type { StreamConnections } from './connections.js';
import { SendingStream } from './sending-stream.js';
import type { WorkQueue } from './work-queue.js';

/** Streams that may fail one after the other with nothing done, while others still stand, before no more are tried. */
const MOST_FAILURES = 4;
/** Before the next dial after one that failed, or a stream that broke: this, then twice as long, and so on. */
const FIRST_WAIT_MS = 100;

/** Keeps as many streams as are wanted: dials, replaces those that break, and tells when none is left. */
export class StreamPool {
  readonly #connections: StreamConnections;
  readonly #location: string;
  readonly #queue: WorkQueue;
  readonly #onDead: (reason: Error) => void;
  readonly #streams = new Set<SendingStream>();
  #wanted = 0;
  #dialling = 0;
  #failures = 0;
  #gone = 0;
  #abort = newAbort();

  /** @param onDead told why when the last stream is gone and no other could be opened, or when no other will ever do */
  constructor(
    way: { connections: StreamConnections; location: string },
    queue: WorkQueue,
    onDead: (reason: Error) => void,
  ) {
    this.#connections = way.connections;
    this.#location = way.location;
    this.#queue = queue;
    this.#onDead = onDead;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Bytes that left over all streams so far. */
  get bytesWritten(): number {
    return [...this.#streams].reduce((sum, { bytesWritten }) => sum + bytesWritten, this.#gone);
  }

  /** So many streams there shall be from now on. */
  want(streams: number): void {
    this.#wanted = streams;
    for (const stream of [...this.#streams].slice(streams)) stream.retire();
    while (this.#streams.size + this.#dialling < this.#wanted) void this.#dial(0);
  }

  /**
   * Replaces streams that could not be opened or replaced when they were wanted: so many at once as stand, by which the other end is known
   * to be there.
   *
   * @param most that are of use now
   */
  refill(most: number): void {
    const missing = Math.min(this.#wanted, most) - this.#streams.size;
    if (this.#dialling > 0 || missing <= 0) return;
    this.#failures = 0;
    for (let dials = Math.min(missing, this.#streams.size); dials > 0; dials--) void this.#dial(0);
  }

  /** The number of a file will not be used any more. */
  forget(file: number): void {
    for (const stream of this.#streams) stream.forget(file);
  }

  /** Ends all streams at once. */
  reset(reason: Error): void {
    this.#wanted = 0;
    this.#failures = 0;
    this.#abort.abort(reason);
    this.#abort = newAbort();
    for (const stream of this.#streams) {
      this.#remove(stream);
      stream.connection.fail(reason);
    }
  }

  /** Says goodbye on all streams. */
  close(): void {
    this.#wanted = 0;
    this.#abort.abort(new NetworkError('closed by us'));
    for (const stream of this.#streams) {
      this.#remove(stream);
      stream.connection.close();
    }
  }

  async #dial(waitMs: number): Promise<void> {
    const { signal } = this.#abort;
    this.#dialling++;
    let failure: Error | undefined;
    try {
      if (waitMs > 0) await sleep(waitMs, undefined, { signal });
      const connection = await this.#connections.open(this.#location, signal);
      if (signal.aborted) connection.close();
      else void this.#run(new SendingStream(connection, this.#queue));
    } catch (error) {
      failure = error as Error;
    }
    this.#dialling--;
    if (failure !== undefined && !signal.aborted) this.#failed(failure);
  }

  async #run(stream: SendingStream): Promise<void> {
    this.#streams.add(stream);
    const reason = await stream.run();
    // A stream over which something was done shows that the line works; one that only opened shows nothing.
    if (stream.wasAnswered) this.#failures = 0;
    if (this.#remove(stream) && this.#streams.size + this.#dialling < this.#wanted) this.#failed(reason);
  }

  /** False where it was removed before. */
  #remove(stream: SendingStream): boolean {
    if (!this.#streams.delete(stream)) return false;
    this.#gone += stream.bytesWritten;
    return true;
  }

  /** A stream broke, or could not be opened. */
  #failed(reason: Error): void {
    this.#failures++;
    // The line may be there again at once, but nobody waits for it here: the next attempt goes on where this one stood.
    const isLast = this.#streams.size === 0 && this.#dialling === 0;
    if (isLast || isForGood(reason)) this.#onDead(reason);
    else if (this.#failures <= MOST_FAILURES) void this.#dial(FIRST_WAIT_MS * 2 ** (this.#failures - 1));
  }
}

/** Whether every other stream would be told the same. */
function isForGood(reason: Error): boolean {
  return reason instanceof CCATDataOperationError && !reason.retryable;
}

/** Every dial listens to it. */
function newAbort(): AbortController {
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  return abort;
}
