import type { FloorWatch } from '../core/policy/floor.js';
import type { Progress } from './dependencies.js';

/** One of several things whose bytes move: tells how far it is, and how it ended. */
export interface MovingItem {
  onProgress: (bytesDone: number) => void;
  end: (how: 'done' | 'failed') => void;
}

/** How far several things are whose bytes move under one watch. */
export class MovingBytes {
  /** Of all of them together. */
  done = 0;
  /** When one moved last, or what held them back on purpose was over; milliseconds of the clock. */
  movedAt = performance.now();
  readonly #atHand = new Set<Progress>();
  readonly #about: Omit<Progress, 'bytesDone'>;
  readonly #watch: FloorWatch;
  readonly #tell: { moved: (bytes: number) => void; progress: (progress: Progress) => void };
  #moved = 0;
  #heldUntil = 0;

  constructor(
    about: Omit<Progress, 'bytesDone'>,
    watch: FloorWatch,
    tell: { moved: (bytes: number) => void; progress: (progress: Progress) => void },
  ) {
    this.#about = about;
    this.#watch = watch;
    this.#tell = tell;
  }

  begin({ subject, bytesTotal }: Pick<Progress, 'subject' | 'bytesTotal'>): MovingItem {
    const item: Progress = { ...this.#about, subject, bytesTotal, bytesDone: 0 };
    this.#atHand.add(item);
    return {
      onProgress: (bytesDone) => this.#progress(item, bytesDone),
      end: (how) => {
        if (!this.#atHand.delete(item) || how === 'failed') return;
        // What was there already never moved.
        this.done += bytesTotal - item.bytesDone;
        this.#tell.progress({ ...item, bytesDone: bytesTotal });
      },
    };
  }

  /** Tells how far each is that is neither done nor failed. */
  report(): void {
    for (const item of this.#atHand) this.#tell.progress({ ...item });
  }

  /** Nothing moves for so many milliseconds, on purpose; several may be held back at the same time. */
  heldBack(milliseconds: number): void {
    const now = performance.now();
    const until = now + milliseconds;
    const more = until - Math.max(now, this.#heldUntil);
    if (more <= 0) return;
    this.#watch.heldBack(more);
    this.#heldUntil = until;
    this.movedAt = Math.max(this.movedAt, until);
  }

  #progress(item: Progress, bytesDone: number): void {
    const more = bytesDone - item.bytesDone;
    if (more === 0) return;
    item.bytesDone = bytesDone;
    this.done += more;
    // A count that falls (a part is sent again) is bytes that move too.
    this.#moved += Math.abs(more);
    this.#watch.progress(this.#moved);
    this.movedAt = Math.max(this.movedAt, performance.now());
    if (more > 0) this.#tell.moved(more);
  }
}
