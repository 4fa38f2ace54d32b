/** Sizes of the buffers that are kept: powers of two from here to the largest piece. */
const SMALLEST_BYTES = 64 * 1024;

/** A buffer on loan. */
export interface Lease {
  /** As long as was asked for. */
  buffer: Buffer;
  /** Gives it back; once. */
  release(): void;
}

interface Request {
  bytes: number;
  resolve: (lease: Lease) => void;
}

/**
 * Buffers for pieces: no more bytes than a bound at once, whoever wants more waits for its turn, and what is given back is used again, so
 * that memory stays where it is at any rate.
 */
export class BufferPool {
  readonly #most: number;
  /** Bytes on loan, and bytes that lie ready. */
  #lent = 0;
  #idle = 0;
  readonly #ready = new Map<number, Buffer[]>();
  readonly #queue: Request[] = [];

  /** @param bytes no less than the largest piece that is asked for */
  constructor(bytes: number) {
    this.#most = bytes;
  }

  /** Bytes on loan. */
  get lent(): number {
    return this.#lent;
  }

  take(bytes: number): Promise<Lease> {
    return new Promise((resolve) => {
      this.#queue.push({ bytes, resolve });
      this.#serve();
    });
  }

  #serve(): void {
    for (let [first] = this.#queue; first !== undefined; [first] = this.#queue) {
      const size = sizeFor(first.bytes);
      if (this.#lent > 0 && this.#lent + size > this.#most) return;
      this.#queue.shift();
      this.#lent += size;
      first.resolve(this.#lease(size, first.bytes));
    }
  }

  #lease(size: number, bytes: number): Lease {
    const ready = this.#ready.get(size)?.pop();
    if (ready !== undefined) this.#idle -= size;
    const whole = ready ?? this.#make(size);
    let isOut = true;
    return {
      buffer: whole.subarray(0, bytes),
      release: () => {
        if (!isOut) return;
        isOut = false;
        this.#lent -= size;
        this.#idle += size;
        const ready = this.#ready.get(size);
        if (ready === undefined) this.#ready.set(size, [whole]);
        else ready.push(whole);
        this.#serve();
      },
    };
  }

  /** What lies ready in another size makes room. */
  #make(size: number): Buffer {
    for (const [other, buffers] of this.#ready) {
      while (this.#lent + this.#idle > this.#most && buffers.pop() !== undefined) this.#idle -= other;
    }
    return Buffer.allocUnsafeSlow(size);
  }
}

function sizeFor(bytes: number): number {
  let size = SMALLEST_BYTES;
  while (size < bytes) size *= 2;
  return size;
}
