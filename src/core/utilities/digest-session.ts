import { createHash, type Hash } from 'node:crypto';
import { takeThread, type Lease } from './threads.js';

/** A SHA-256 that grows in a thread. */
export class DigestSession {
  #hash: Hash = createHash('sha256');
  #marked: Hash | undefined;

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  /** This is what {@link back} goes back to. */
  mark(): void {
    this.#marked = this.#hash.copy();
  }

  /** Forgets all that was added since the last mark. A mark serves once. */
  back(): void {
    if (this.#marked === undefined) throw new Error('there is no mark to go back to');
    this.#hash = this.#marked;
    this.#marked = undefined;
  }

  /** Hex digest of all that was added; nothing can be added any more. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}

export function open(): DigestSession {
  return new DigestSession();
}

/** A digest in a thread of its own. */
export function takeDigest(): Promise<Lease<DigestSession>> {
  return takeThread<DigestSession>(new URL(import.meta.url));
}
