import type { Logger } from '../core/logging.js';

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGQUIT: 3 } as const;
type ShutdownSignal = keyof typeof SIGNALS;

/** A terminal and a parent that both pass on one Ctrl-C make two signals of it: within this time they are one, in milliseconds. */
const ONE_AND_THE_SAME = 500;

/** The exit code of a process that a signal ended at once. */
export function exitCodeOf(signal: ShutdownSignal): number {
  return 128 + SIGNALS[signal];
}

/**
 * `serviceShutdown` of the original: the first signal (SIGINT, SIGTERM, SIGQUIT) asks the service to end in good order, a second one
 * ends the process at once, with 128 and the signal's number as its exit code.
 *
 * What drains is the listener's matter; a worker ends what it can within its grace time, and hands the rest back to Temporal, which
 * gives it to another worker. The exit code is 0 then, and 1 where something did not end in its time.
 *
 * @returns a signal that is aborted when the service is asked to end
 */
export function serviceShutdown(
  log: Logger,
  on: Pick<NodeJS.Process, 'on' | 'exit'> = process,
  now: () => number = Date.now,
): AbortSignal {
  const controller = new AbortController();
  let asked: number | undefined;
  for (const signal of Object.keys(SIGNALS) as ShutdownSignal[]) {
    on.on(signal, () => {
      if (asked === undefined) {
        asked = now();
        log.info('asked to stop: ending what is at hand; once more ends at once', { signal });
        controller.abort();
      } else if (now() - asked >= ONE_AND_THE_SAME) {
        log.warn('ended at once; what was at hand is done again elsewhere', { signal });
        on.exit(exitCodeOf(signal));
      }
    });
  }
  return controller.signal;
}
