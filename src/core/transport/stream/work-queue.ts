import type { Lease } from './buffer-pool.js';
import { MIB } from './frames.js';
import type { Piece } from './pieces.js';
import type { Sending } from './sending.js';
import { Window } from './window.js';

/** What has come may wait for the other end's disk for as long as the line takes for so many windows; what a crash there costs stays bounded. */
const UNANSWERED_WINDOWS = 4;
const LEAST_UNANSWERED_BYTES = 64 * MIB;

/** A piece on its way: its number is the sender's own. */
export interface OutgoingPiece extends Piece {
  number: number;
  /** How often the other end found other bytes in it. */
  wrong: number;
}

/** Bytes of a piece or of a small file, and what to say with them. */
export interface Load {
  sending: Sending;
  kind: 'piece' | 'whole';
  piece: OutgoingPiece;
  body: Buffer;
  /** Nobody needs the body any more. */
  release: () => void;
  /** When a stream took it, in milliseconds. */
  takenAt?: number;
  /** It is at the other end, as it was sent; on its disk it is when it is answered. */
  hasCome?: boolean;
}

/** Something to say about a file on any stream, to which an answer comes. */
export type Work = Load | { sending: Sending; kind: 'open' | 'commit' | 'check' | 'discard' };

/** Part of a file that was read: each stream cuts from it what it can take. */
export class Block {
  readonly sending: Sending;
  readonly #lease: Lease;
  #users = 1;
  #at = 0;

  /** @param offset where in the file it lies */
  constructor(
    sending: Sending,
    lease: Lease,
    private readonly offset: number,
  ) {
    this.sending = sending;
    this.#lease = lease;
  }

  get left(): number {
    return this.#lease.buffer.length - this.#at;
  }

  /** Cuts off so much, or all where little would be left. */
  cut(most: number): { offset: number; body: Buffer; release: () => void } {
    const length = this.left < 1.5 * most ? this.left : most;
    const [offset, body] = [this.offset + this.#at, this.#lease.buffer.subarray(this.#at, this.#at + length)];
    this.#at += length;
    if (this.left > 0) this.#users++;
    return { offset, body, release: () => this.release() };
  }

  /** One of those who need it needs it no more. */
  release(): void {
    if (--this.#users === 0) this.#lease.release();
  }
}

/** Who takes work: how many bytes at most it takes now. */
export interface Taker {
  readonly appetite: number;
}

/** What waits for a stream, and the streams that wait for something to do. */
export class WorkQueue {
  #waiting: (Work | Block)[] = [];
  readonly #idle: { taker: Taker; resolve: (work: Work | undefined) => void }[] = [];
  /** Whether a stream found nothing to do since this was last asked. */
  #wasIdle = false;
  readonly #window = new Window();
  /** Bytes of pieces that were taken and have not come yet, and of those that have come and are not answered yet. */
  #onTheWay = 0;
  #unanswered = 0;

  /** Bytes of pieces that may be on their way at once. */
  get window(): number {
    return this.#window.bytes;
  }

  /** Questions go before bytes: somebody waits for the answer. */
  push(work: Work | Block): void {
    if (work instanceof Block || 'body' in work) this.#waiting.push(work);
    else this.#waiting.unshift(work);
    this.#serve();
  }

  /** The next thing to do; undefined once the taker has left. */
  take(taker: Taker): Promise<Work | undefined> {
    const work = this.#next(taker);
    if (work !== undefined) return Promise.resolve(work);
    if (this.#waiting.length === 0) this.#wasIdle = true;
    return new Promise((resolve) => this.#idle.push({ taker, resolve }));
  }

  /** What was taken has come: the line has room for what is next, whatever the other end's disk does. */
  came(work: Work): void {
    if (work.kind !== 'piece' || work.hasCome === true) return;
    const [now, { length }] = [performance.now(), work.piece];
    this.#window.came(length, now - (work.takenAt ?? now), now);
    work.hasCome = true;
    this.#unanswered += length;
    this.#leaveTheWay(length);
  }

  /** An answer came to what was taken. */
  answered(work: Work): void {
    this.came(work);
    this.gone(work);
  }

  /** Of what was taken nothing more will be heard. */
  gone(work: Work): void {
    if (work.kind !== 'piece') return;
    if (work.hasCome === true) {
      this.#unanswered -= work.piece.length;
      this.#serve();
    } else this.#leaveTheWay(work.piece.length);
  }

  /** The taker takes nothing any more. */
  leave(taker: Taker): void {
    const at = this.#idle.findIndex((idle) => idle.taker === taker);
    if (at >= 0) this.#idle.splice(at, 1)[0]?.resolve(undefined);
  }

  /** Forgets everything about a file. */
  drop(sending: Sending): void {
    for (const work of this.#waiting) {
      if (work.sending === sending && 'release' in work) work.release();
    }
    this.#waiting = this.#waiting.filter((work) => work.sending !== sending);
  }

  /** Whether any stream was without work since the last call. */
  wasIdle(): boolean {
    const was = this.#wasIdle;
    this.#wasIdle = this.#idle.length > 0 && this.#waiting.length === 0;
    return was;
  }

  #leaveTheWay(bytes: number): void {
    this.#onTheWay -= bytes;
    if (this.#onTheWay === 0) this.#window.rest();
    this.#serve();
  }

  #serve(): void {
    for (let [idle] = this.#idle; idle !== undefined; [idle] = this.#idle) {
      const work = this.#next(idle.taker);
      if (work === undefined) return;
      this.#idle.shift();
      idle.resolve(work);
    }
  }

  /** Undefined where there is nothing to do, or as much on its way as may be. */
  #next(taker: Taker): Work | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const isPiece = first instanceof Block || first.kind === 'piece';
    if (isPiece && !this.#hasRoom()) return undefined;
    const work = first instanceof Block ? first.sending.cut(first, taker.appetite) : first;
    if (!(first instanceof Block) || first.left === 0) this.#waiting.shift();
    if (work.kind !== 'piece') return work;
    this.#onTheWay += work.piece.length;
    work.takenAt = performance.now();
    return work;
  }

  #hasRoom(): boolean {
    const { bytes } = this.#window;
    const mostUnanswered = Math.max(LEAST_UNANSWERED_BYTES, UNANSWERED_WINDOWS * bytes);
    return this.#onTheWay < bytes && this.#unanswered < mostUnanswered;
  }
}
