import type { TLSSocket } from 'node:tls';
import { NetworkError } from '../../exceptions.js';
import { within } from '../../utilities/within.js';
import { encodeFrame, readFrame, type Frame, type FrameType, type HeaderOf } from './frames.js';
import { Incoming } from './incoming.js';
import { classifyTlsError, silent } from './tls-errors.js';
import { tell } from './told-error.js';

/** Bodies are given to TLS in slices of so many bytes, two of them at once. */
const SLICE_BYTES = 256 * 1024;
const UNSENT_BYTES = 2 * SLICE_BYTES;
/** An end that says nothing for this long is given up; each end says something four times as often. */
export const SILENCE_MS = 60_000;
/** How long a goodbye may take. */
const GOODBYE_MS = 2000;

/** Who is at the other end, as its certificate says, and where. */
export interface Peer {
  site: string;
  /** For messages: `cologne at 10.1.2.3:2611`. */
  name: string;
}

/**
 * A connection of two workers that know each other: frames in both directions. Everything that waits on it ends when it does, with the
 * reason. Both ends say `alive` when they have nothing else to say, so silence means that the line or the other end is dead.
 */
export class StreamConnection {
  readonly peer: Peer;
  /** Bytes that were given to the kernel. */
  bytesWritten = 0;
  readonly #socket: TLSSocket;
  readonly #incoming: Incoming;
  readonly #silenceMs: number;
  readonly #watchdog: NodeJS.Timeout;
  /** Resolves when the frames before are written: frames never mix. */
  #turn: Promise<void> = Promise.resolve();
  #writing = 0;
  #unsent = 0;
  #wroteAt = performance.now();
  #drained: { resolve: () => void; reject: (reason: Error) => void } | undefined;
  #failure: Error | undefined;
  readonly #ends: ((reason: Error) => void)[] = [];

  constructor(socket: TLSSocket, peer: Peer, silenceMs = SILENCE_MS) {
    this.peer = peer;
    this.#socket = socket;
    this.#silenceMs = silenceMs;
    this.#incoming = new Incoming(socket);
    socket.setNoDelay(true);
    socket.on('error', (error) => this.fail(classifyTlsError(error, peer.name)));
    socket.on('close', () => this.fail(this.#ended()));
    this.#watchdog = setInterval(() => this.#watch(), silenceMs / 4);
  }

  /** Bytes that came, as the socket counts them. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** Why it ended; undefined while it stands. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Calls this once when the connection has ended, at once where it has already. */
  onEnd(act: (reason: Error) => void): void {
    if (this.#failure === undefined) this.#ends.push(act);
    else act(this.#failure);
  }

  /**
   * The next frame; what is left of the last one's body is passed over. Undefined when the other end said goodbye.
   *
   * @throws DataTransferError for what is no frame, and the reason why the connection ended
   */
  async next(): Promise<Frame | undefined> {
    try {
      await this.#incoming.skip(this.#incoming.bodyLeft);
      const frame = await readFrame(this.#incoming);
      this.#incoming.bodyLeft = frame?.bodyBytes ?? 0;
      return frame;
    } catch (error) {
      throw this.#failure ?? classifyTlsError(error, this.peer.name);
    }
  }

  /** Reads the body of the last frame, or a part of it. */
  async body(into: Buffer): Promise<void> {
    try {
      this.#incoming.bodyLeft -= into.length;
      if (await this.#incoming.fill(into)) return;
    } catch (error) {
      throw this.#failure ?? classifyTlsError(error, this.peer.name);
    }
    throw this.#failure ?? this.#ended();
  }

  /**
   * Writes a frame. Resolves when so much of what was written is gone that the next may follow.
   *
   * @param onGone called when nobody needs the body any more, also where it will never be sent
   */
  async write<T extends FrameType>(
    type: T,
    header: HeaderOf<T>,
    body: Buffer = NOTHING,
    onGone: () => void = ignore,
  ): Promise<void> {
    const before = this.#turn;
    let done: () => void = ignore;
    this.#turn = new Promise((resolve) => (done = resolve));
    this.#writing++;
    let slices = 1;
    const gone = () => {
      if (--slices === 0) onGone();
    };
    try {
      await before;
      await this.#put(encodeFrame(type, header, body.length));
      for (let at = 0; at < body.length; at += SLICE_BYTES) {
        slices++;
        await this.#put(body.subarray(at, at + SLICE_BYTES), gone);
      }
    } finally {
      this.#writing--;
      done();
      gone();
    }
  }

  /** Ends it at once. */
  fail(reason: Error): void {
    if (this.#end(reason)) this.#socket.destroy();
  }

  /** Tells the other end why, then ends it. */
  async refuse(reason: Error): Promise<void> {
    if (this.#failure !== undefined) return;
    await within(GOODBYE_MS, this.write('failed', { error: tell(reason) })).catch(ignore);
    this.#sayGoodbye(reason);
  }

  /** Ends it when what was written has gone; what the other end still says is not heard. */
  close(): void {
    this.#sayGoodbye(
      new NetworkError(`the connection to ${this.peer.name} was closed by us`, { subject: this.peer.name }),
    );
  }

  #sayGoodbye(reason: Error): void {
    if (!this.#end(reason)) return;
    this.#socket.resume().end();
    setTimeout(() => this.#socket.destroy(), GOODBYE_MS).unref();
  }

  #end(reason: Error): boolean {
    if (this.#failure !== undefined) return false;
    this.#failure = reason;
    clearInterval(this.#watchdog);
    this.#incoming.fail(reason);
    this.#drained?.reject(reason);
    for (const act of this.#ends) act(reason);
    return true;
  }

  #ended(): NetworkError {
    return new NetworkError(`${this.peer.name} closed the connection`, { subject: this.peer.name });
  }

  #put(data: Buffer, gone: () => void = ignore): Promise<void> {
    if (this.#failure !== undefined) {
      gone();
      return Promise.reject(this.#failure);
    }
    this.#unsent += data.length;
    this.#wroteAt = performance.now();
    this.#socket.write(data, () => {
      this.#unsent -= data.length;
      this.bytesWritten += data.length;
      this.#wroteAt = performance.now();
      gone();
      if (this.#unsent < UNSENT_BYTES) this.#drained?.resolve();
    });
    if (this.#unsent < UNSENT_BYTES) return Promise.resolve();
    return new Promise((resolve, reject) => (this.#drained = { resolve, reject }));
  }

  #watch(): void {
    const now = performance.now();
    if (now - this.#incoming.waitsSince(now) > this.#silenceMs)
      this.fail(silent(this.peer.name, this.#silenceMs));
    else if (this.#writing === 0 && now - this.#wroteAt > this.#silenceMs / 5)
      this.write('alive', {}).catch(ignore);
  }
}

const NOTHING = Buffer.alloc(0);

/** How a connection ended is told to whoever reads from it. */
function ignore(): void {
  // Nothing to do.
}
