import { setTimeout as sleep } from 'node:timers/promises';

/** After a pause so much may be made up for, in milliseconds. */
const BURST_MS = 1000;
/** Waits shorter than this are left to the next one. */
const SHORTEST_MS = 20;

/**
 * Bounds a rate: each call says that so many bytes were read, and waits until more may follow.
 *
 * @param signal ends the waiting, with its reason
 */
export function pacer(bytesPerSecond: number, signal?: AbortSignal): (bytes: number) => Promise<void> {
  let due = performance.now();
  return async (bytes) => {
    const now = performance.now();
    due = Math.max(due, now - BURST_MS) + (bytes / bytesPerSecond) * 1000;
    if (due - now < SHORTEST_MS) return;
    await sleep(due - now, undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  };
}
