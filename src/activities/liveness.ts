import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { workContext } from '../core/decorators.js';
import { ServiceUnavailableError } from '../core/exceptions.js';
import type { TransferOptions } from '../core/storage/archive-store.js';
import type { Dependencies, Progress } from './dependencies.js';

/** Well below the heartbeat timeouts of `workflows/operations.ts`. */
const BEAT_MS = 3000;

/**
 * Runs work that moves bytes, and heartbeats while they move. Liveness is bytes, not time: when none moves for
 * the setting `liveness.stall_seconds` the work is aborted and the attempt fails, so that it is tried again elsewhere or later.
 *
 * @throws ServiceUnavailableError when the work stalled; the reason of the cancellation when Temporal cancelled it
 */
export async function whileBytesMove<T>(
  dependencies: Pick<Dependencies, 'settings' | 'reportProgress'>,
  about: Omit<Progress, 'bytesDone'>,
  act: (options: Required<TransferOptions>) => Promise<T>,
): Promise<T> {
  const cancelled = cancellationSignal();
  const stall = new AbortController();
  let bytesDone = 0;
  let movedAt = Date.now();
  const { onBytes: count, note } = workContext() ?? {};
  note?.(`${about.subject}: ${about.bytesTotal} bytes to move`);
  const onProgress = (bytes: number) => {
    if (bytes > bytesDone) count?.(bytes - bytesDone, about.route ?? '');
    if (bytes !== bytesDone) movedAt = Date.now();
    bytesDone = bytes;
  };
  const stallAfter = () => dependencies.settings.get('liveness.stall_seconds');
  let stallSeconds = await stallAfter();
  // Cancelled meanwhile: work would wait for a signal that was given already.
  cancelled.throwIfAborted();
  const beat = setInterval(() => {
    // What does not even end when it is told to (a disk that hangs) is silent from then on: Temporal gives the attempt up.
    if (stall.signal.aborted) return;
    heartbeat({ v: 1, subject: about.subject, bytesDone, bytesTotal: about.bytesTotal });
    dependencies.reportProgress({ ...about, bytesDone });
    if (Date.now() - movedAt > stallSeconds * 1000) stall.abort(stalled(about, stallSeconds));
    // Changed while it runs, it holds from the next beat on; a value that can't be had leaves the last one.
    stallAfter().then(
      (now) => (stallSeconds = now),
      () => undefined,
    );
  }, BEAT_MS / 3);
  try {
    const result = await act({ signal: AbortSignal.any([cancelled, stall.signal]), onProgress });
    dependencies.reportProgress({ ...about, bytesDone: about.bytesTotal });
    note?.(`${about.subject}: done`);
    return result;
  } catch (error) {
    note?.(`${about.subject}: ended after ${bytesDone} bytes: ${String(error)}`);
    cancelled.throwIfAborted();
    stall.signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(beat);
  }
}

/** Runs work that is bounded by itself (a transaction with a statement timeout, a walk over folders) under a heartbeat. */
export async function whileBusy<T>(act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const cancelled = cancellationSignal();
  const beat = setInterval(() => heartbeat(), BEAT_MS);
  try {
    return await act(cancelled);
  } catch (error) {
    cancelled.throwIfAborted();
    throw error;
  } finally {
    clearInterval(beat);
  }
}

function stalled(about: Omit<Progress, 'bytesDone'>, seconds: number): ServiceUnavailableError {
  return new ServiceUnavailableError(`no byte of ${about.subject} moved for ${seconds} s`, {
    operation: about.operation,
    subject: about.subject,
    advice:
      'It is tried again by itself. If it stays so, look at the disk, the link or the store that it uses.',
  });
}
