import { activityInfo, cancellationSignal, heartbeat } from '@temporalio/activity';
import { workContext } from '../core/decorators.js';
import { ServiceUnavailableError } from '../core/exceptions.js';
import { FloorWatch, type Floor } from '../core/policy/floor.js';
import { parseTaskQueue } from '../core/queue-discovery.js';
import type { SettingPlace, Settings } from '../core/settings-manager.js';
import type { TransferOptions } from '../core/storage/archive-store.js';
import type { Dependencies, Progress } from './dependencies.js';
import { MovingBytes, type MovingItem } from './moving-bytes.js';

/** Well below the heartbeat timeouts of `workflows/operations.ts`. */
const BEAT_MS = 3000;

/** What work that moves bytes is given: how to be stopped, and how to tell that it lives. */
export interface MovingWork extends Required<TransferOptions> {
  /** Tells that the work is held back on purpose from now on, in milliseconds: that time is no silence. */
  heldBack: (milliseconds: number) => void;
}

/** What work is given that moves the bytes of several things at once. */
export interface MovingBundle extends Pick<MovingWork, 'signal' | 'heldBack'> {
  /** Begins with one of them. */
  begin: (item: Pick<Progress, 'subject' | 'bytesTotal'>) => MovingItem;
}

/**
 * Runs work that moves bytes, and heartbeats while they move. Liveness is bytes, not time: when none moves for
 * the setting `liveness.stall_seconds`, or fewer than `liveness.floor_bytes_per_second` over a whole window, the work is aborted
 * and the attempt fails, so that it is tried again elsewhere or later. The settings are those of the place whose queue it came from.
 *
 * @param onAlive told once when bytes moved fast enough over a whole window
 * @throws ServiceUnavailableError when the work stalled or dripped; the reason of the cancellation when Temporal cancelled it
 */
export function whileBytesMove<T>(
  dependencies: Pick<Dependencies, 'settings' | 'reportProgress'>,
  about: Omit<Progress, 'bytesDone'>,
  act: (options: MovingWork) => Promise<T>,
  onAlive?: () => unknown,
): Promise<T> {
  const one = async ({ signal, heldBack, begin }: MovingBundle) => {
    const { onProgress, end } = begin(about);
    const result = await act({ signal, heldBack, onProgress });
    end('done');
    return result;
  };
  return whileBundleMoves(dependencies, about, one, onAlive);
}

/** As {@link whileBytesMove} for several things at once, under one watch: it is the bytes of all of them that must move. */
export async function whileBundleMoves<T>(
  dependencies: Pick<Dependencies, 'settings' | 'reportProgress'>,
  about: Omit<Progress, 'bytesDone'>,
  act: (bundle: MovingBundle) => Promise<T>,
  onAlive: () => unknown = () => undefined,
): Promise<T> {
  const cancelled = cancellationSignal();
  const dead = new AbortController();
  const place = parseTaskQueue(activityInfo().taskQueue);
  let limits = await limitsAt(dependencies.settings, place);
  const watch = new FloorWatch(limits.floor, performance.now());
  const { onBytes: count, note } = workContext() ?? {};
  const bytes = new MovingBytes(about, watch, {
    moved: (more) => count?.(more, about.route ?? ''),
    progress: (progress) => dependencies.reportProgress(progress),
  });
  let alive = false;
  note?.(`${about.subject}: ${about.bytesTotal} bytes to move`);
  // Cancelled meanwhile: work would wait for a signal that was given already.
  cancelled.throwIfAborted();
  const beat = setInterval(() => {
    // What does not even end when it is told to (a disk that hangs) is silent from then on: Temporal gives the attempt up.
    if (dead.signal.aborted) return;
    heartbeat({ v: 1, subject: about.subject, bytesDone: bytes.done, bytesTotal: about.bytesTotal });
    bytes.report();
    const now = performance.now();
    const pace = watch.at(now);
    if (now - bytes.movedAt > limits.stallSeconds * 1000) dead.abort(stalled(about, limits.stallSeconds));
    else if (pace === 'dead') dead.abort(dripped(about, limits.floor, watch.rate()));
    else if (pace === 'alive' && watch.rate() > 0 && !alive) {
      alive = true;
      onAlive();
    }
    // Changed while it runs, they hold from the next beat on; values that can't be had leave the last ones.
    limitsAt(dependencies.settings, place).then(
      (found) => {
        limits = found;
        watch.moveTo(found.floor);
      },
      () => undefined,
    );
  }, BEAT_MS / 3);
  try {
    const result = await act({
      signal: AbortSignal.any([cancelled, dead.signal]),
      heldBack: (milliseconds) => bytes.heldBack(milliseconds),
      begin: (item) => bytes.begin(item),
    });
    note?.(`${about.subject}: done`);
    return result;
  } catch (error) {
    note?.(`${about.subject}: ended after ${bytes.done} bytes: ${String(error)}`);
    cancelled.throwIfAborted();
    dead.signal.throwIfAborted();
    throw error;
  } finally {
    clearInterval(beat);
  }
}

/** Below which work counts as dead at a place. */
async function limitsAt(
  settings: Settings,
  place: SettingPlace = {},
): Promise<{ stallSeconds: number; floor: Floor }> {
  return {
    stallSeconds: await settings.get('liveness.stall_seconds', place),
    floor: {
      bytesPerSecond: await settings.get('liveness.floor_bytes_per_second', place),
      windowSeconds: await settings.get('liveness.floor_window_seconds', place),
    },
  };
}

/**
 * Runs work that is bounded by itself (a transaction with a statement timeout, a walk over folders) under a heartbeat.
 *
 * @param done what was done before it, as plain data: the next attempt finds it in its heartbeat details, should this one fail or be killed
 */
export async function whileBusy<T>(act: (signal: AbortSignal) => Promise<T>, done?: object): Promise<T> {
  const cancelled = cancellationSignal();
  const beat = setInterval(() => heartbeat(done), BEAT_MS);
  try {
    return await act(cancelled);
  } catch (error) {
    // The last one before a failure is always sent.
    if (done !== undefined) heartbeat(done);
    cancelled.throwIfAborted();
    throw error;
  } finally {
    clearInterval(beat);
  }
}

function stalled(about: Omit<Progress, 'bytesDone'>, seconds: number): ServiceUnavailableError {
  return tooSlow(about, `no byte of ${about.subject} moved for ${seconds} s`);
}

function dripped(
  about: Omit<Progress, 'bytesDone'>,
  { bytesPerSecond, windowSeconds }: Floor,
  rate: number,
): ServiceUnavailableError {
  const words = `${about.subject} moved at ${rate.toFixed(1)} bytes per second for ${windowSeconds} s, which is below ${bytesPerSecond}`;
  return tooSlow(about, words);
}

function tooSlow(about: Omit<Progress, 'bytesDone'>, message: string): ServiceUnavailableError {
  return new ServiceUnavailableError(message, {
    operation: about.operation,
    subject: about.subject,
    advice:
      'It is tried again by itself. If it stays so, look at the disk, the link or the store that it uses.',
  });
}
