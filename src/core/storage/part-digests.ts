import { createHash } from 'node:crypto';
import { takeThread, type Lease } from '../utilities/threads.js';
import { guardOf, type Guard, type Guarding } from './body-guard.js';

/** The SHA-256 of an object that is sent in parts, and what goes with each part. */
export class PartDigests {
  readonly #whole = createHash('sha256');
  readonly #guarding: Guarding;

  constructor(guarding: Guarding) {
    this.#guarding = guarding;
  }

  /** Takes the next part. */
  add(part: Uint8Array): Guard {
    this.#whole.update(part);
    return guardOf(this.#guarding, part);
  }

  /** Hex digest of all of them; nothing can be added any more. */
  digest(): string {
    return this.#whole.digest('hex');
  }
}

export function open(guarding: Guarding): PartDigests {
  return new PartDigests(guarding);
}

/** In a thread of its own. */
export function takePartDigests(guarding: Guarding): Promise<Lease<PartDigests>> {
  return takeThread<PartDigests>(new URL(import.meta.url), guarding);
}
