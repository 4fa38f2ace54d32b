import type { ActivityOptions } from '@temporalio/workflow';

/**
 * The one table of timeouts and retries.
 *
 * Long work is bounded by time (`scheduleToCloseTimeout`) and by bytes that move (the activity stops its heartbeat when
 * none do), never by a count of attempts: a restart of a worker spends an attempt. How often an error of a class
 * makes sense to try again is the class's own `maxRetries`.
 */
const patient = {
  initialInterval: '1 second',
  backoffCoefficient: 2,
  maximumInterval: '30 seconds',
} as const;

/** Whatever is cancelled must have stopped before the workflow goes on. */
const base = { cancellationType: 'WAIT_CANCELLATION_COMPLETED', retry: patient } as const;

export const POLICIES = {
  /** A walk over a source: minutes for millions of files. */
  scan: {
    ...base,
    startToCloseTimeout: '6 hours',
    heartbeatTimeout: '15 seconds',
    scheduleToCloseTimeout: '1 day',
  },
  /** One short transaction in the catalogue, which may be away for days. */
  catalogue: {
    ...base,
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: '15 seconds',
    scheduleToCloseTimeout: '7 days',
  },
  /** Reading or writing up to a package of 50 GB on a disk of this site. */
  disk: {
    ...base,
    startToCloseTimeout: '12 hours',
    heartbeatTimeout: '15 seconds',
    scheduleToCloseTimeout: '3 days',
  },
  /** A bundle over the wide-area link: an outage of days is expected there. */
  link: {
    ...base,
    startToCloseTimeout: '3 days',
    heartbeatTimeout: '15 seconds',
    scheduleToCloseTimeout: '14 days',
  },
  /** Putting a package into an archive and reading it back. */
  archive: {
    ...base,
    startToCloseTimeout: '1 day',
    heartbeatTimeout: '15 seconds',
    scheduleToCloseTimeout: '7 days',
  },
} as const satisfies Record<string, ActivityOptions>;

/** Times that packages of one bundle are sent again when they arrived damaged, before a person is asked. */
export const RESEND_ROUNDS = 3;
