import type { Lease } from './buffer-pool.js';
import type { Piece } from './pieces.js';
import type { Sending } from './sending.js';

/** A piece on its way: its number is the sender's own. */
export interface OutgoingPiece extends Piece {
  number: number;
  /** How often the other end found other bytes in it. */
  wrong: number;
}

/** Something to say about a file on any stream, to which an answer comes. Pieces and small files carry their bytes. */
export type Work =
  | { sending: Sending; kind: 'open' | 'commit' | 'check' | 'discard' }
  | { sending: Sending; kind: 'piece' | 'whole'; piece: OutgoingPiece; lease: Lease };

/** What waits for a stream, and the streams that wait for something to do. */
export class WorkQueue {
  #works: Work[] = [];
  readonly #idle: { taker: object; resolve: (work: Work | undefined) => void }[] = [];
  /** Whether a stream had to wait since this was last asked. */
  #wasIdle = false;

  /** Questions go before bytes: somebody waits for the answer. */
  push(work: Work): void {
    const idle = this.#idle.shift();
    if (idle !== undefined) idle.resolve(work);
    else if ('lease' in work) this.#works.push(work);
    else this.#works.unshift(work);
  }

  /** The next thing to do; undefined once the taker has left. */
  take(taker: object): Promise<Work | undefined> {
    const work = this.#works.shift();
    if (work !== undefined) return Promise.resolve(work);
    this.#wasIdle = true;
    return new Promise((resolve) => this.#idle.push({ taker, resolve }));
  }

  /** The taker takes nothing any more. */
  leave(taker: object): void {
    const at = this.#idle.findIndex((idle) => idle.taker === taker);
    if (at >= 0) this.#idle.splice(at, 1)[0]?.resolve(undefined);
  }

  /** Forgets everything about a file. */
  drop(sending: Sending): void {
    for (const work of this.#works) {
      if (work.sending === sending && 'lease' in work) work.lease.release();
    }
    this.#works = this.#works.filter((work) => work.sending !== sending);
  }

  /** Whether any stream was without work since the last call. */
  wasIdle(): boolean {
    const was = this.#wasIdle;
    this.#wasIdle = this.#idle.length > 0;
    return was;
  }
}
