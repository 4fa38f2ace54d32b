import { threadId } from 'node:worker_threads';
import { StorageError } from '../../../src/core/exceptions.js';
import { asBuffer } from '../../../src/core/utilities/threads.js';

/** What the tests of `threads.ts` let a thread do. */
export class TestSession {
  #calls: string[] = [];

  note(call: string): string[] {
    this.#calls.push(call);
    return this.#calls;
  }

  thread(): number {
    return threadId;
  }

  fill(block: Uint8Array, byte: number): void {
    asBuffer(block).fill(byte);
  }

  wait(milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  }

  failOfOurs(): void {
    const cause = Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'write' });
    throw new StorageError('the disk is full', { subject: 'a disk', retryAfterSeconds: 30, cause });
  }

  failOfSystem(): void {
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
  }

  end(): void {
    process.exit(1);
  }
}

export function open(): TestSession {
  return new TestSession();
}
