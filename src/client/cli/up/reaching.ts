import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { passes, shortMessage } from '../../errors.js';

/** How long a server that is away is waited for, in milliseconds. */
const PATIENCE = 60_000;
const PAUSE = 1_000;

/** Does something that needs a server, again as long as it is away for a moment; then fails with what the server said last. */
export async function whenReachable<T>(
  what: string,
  act: () => Promise<T>,
  options: { signal: AbortSignal; report: (line: string) => void },
): Promise<T> {
  const giveUpAt = Date.now() + PATIENCE;
  for (let told = false; ; told = true) {
    try {
      return await act();
    } catch (error) {
      if (!passes(error) || Date.now() > giveUpAt || options.signal.aborted) throw error;
      if (!told) options.report(`waiting for ${what}: ${shortMessage(error)}`);
      await sleep(PAUSE, undefined, { signal: options.signal });
    }
  }
}

/** Whether a signal is aborted now: asked anew after each wait, which the compiler can't know to matter. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/**
 * Runs calls of a client so that they end with the signal. The client leaves a listener at its signal with every call, so each run
 * gets a signal of its own, which goes with it.
 */
export function untilAborted<T>(client: Client, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  const own = AbortSignal.any([signal]);
  setMaxListeners(0, own);
  return client.withAbortSignal(own, act);
}
