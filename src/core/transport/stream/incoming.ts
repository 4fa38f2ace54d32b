import type { Readable } from 'node:stream';
import { NetworkError } from '../../exceptions.js';
import type { Bytes } from './frames.js';

/** So much is taken from the line before anyone asks for it; then the line waits. */
const AHEAD_BYTES = 256 * 1024;

/** The bytes that come in, copied once: from the chunk in which they came to where they are wanted. */
export class Incoming implements Bytes {
  /** Of the body that comes next, how much was not read yet. */
  bodyLeft = 0;
  readonly #source: Readable;
  readonly #queue: Buffer[] = [];
  #queued = 0;
  #wanted:
    | { into: Buffer; at: number; resolve: (filled: boolean) => void; reject: (reason: Error) => void }
    | undefined;
  #ended = false;
  #waitsSince = 0;

  constructor(source: Readable) {
    this.#source = source;
    source.on('data', (chunk: Buffer) => this.#take(chunk));
    source.on('end', () => {
      this.#ended = true;
      this.#giveUp();
    });
  }

  /** Since when somebody waits for a byte, in milliseconds of `performance.now()`; now, where nobody does. */
  waitsSince(now: number): number {
    return this.#wanted === undefined ? now : this.#waitsSince;
  }

  /** One at a time. */
  fill(into: Buffer): Promise<boolean> {
    const at = this.#fromQueue(into);
    if (at === into.length) return Promise.resolve(true);
    return new Promise((resolve, reject) => {
      this.#wanted = { into, at, resolve, reject };
      this.#waitsSince = performance.now();
      if (this.#ended) this.#giveUp();
      else if (this.#source.isPaused()) this.#source.resume();
    });
  }

  async skip(bytes: number): Promise<void> {
    const bin = Buffer.allocUnsafe(Math.min(bytes, AHEAD_BYTES));
    for (let left = bytes; left > 0; left -= bin.length) await this.fill(bin.subarray(0, left));
  }

  /** Ends who waits. */
  fail(reason: Error): void {
    this.#wanted?.reject(reason);
    this.#wanted = undefined;
  }

  #take(chunk: Buffer): void {
    const wanted = this.#wanted;
    let from = 0;
    if (wanted !== undefined) {
      this.#waitsSince = performance.now();
      from = chunk.copy(wanted.into, wanted.at);
      wanted.at += from;
      if (wanted.at < wanted.into.length) return;
      this.#wanted = undefined;
      wanted.resolve(true);
    }
    if (from === chunk.length) return;
    this.#queue.push(from === 0 ? chunk : chunk.subarray(from));
    this.#queued += chunk.length - from;
    if (this.#queued >= AHEAD_BYTES) this.#source.pause();
  }

  #fromQueue(into: Buffer): number {
    let at = 0;
    while (at < into.length) {
      const [chunk] = this.#queue;
      if (chunk === undefined) break;
      const copied = chunk.copy(into, at);
      at += copied;
      this.#queued -= copied;
      if (copied < chunk.length) this.#queue[0] = chunk.subarray(copied);
      else this.#queue.shift();
    }
    return at;
  }

  #giveUp(): void {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    if (wanted?.at === 0) wanted.resolve(false);
    else wanted?.reject(new NetworkError('the connection ended in the middle of a frame'));
  }
}
