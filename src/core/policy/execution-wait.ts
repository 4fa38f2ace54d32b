import type { Status } from '../states.js';
import type { Next, Waiting } from './explanation.js';

/** What is known of the files of one execution that no package holds yet. Times are ISO 8601. */
export interface ExecutionFacts {
  status: Status;
  startedAt?: string;
  /** When a file of it was last seen changed, of those that can be packaged. */
  lastAt?: string;
  /** Since when the first of its files is still. */
  firstStillAt?: string;
  /** Files of it that are still being written, as far as is known. */
  unready: number;
}

/** An observation with files that never get quiet is packaged without them after this many quiet times. */
export const QUIET_TIMES = 10;

/**
 * What a file that could be packaged waits for in its observation, and until when at the latest; undefined where the observation
 * holds it up no more.
 *
 * @param limits.executionQuietSeconds after which an execution that was begun and never finished is taken for over
 * @param limits.waitSeconds that still files wait for others
 */
export function whyExecutionWaits(
  facts: ExecutionFacts,
  limits: { executionQuietSeconds: number; waitSeconds: number },
  now: Date,
): { waiting: Waiting; next: Next } | undefined {
  const underWay = facts.status === 'in_progress';
  const from = underWay ? facts.lastAt : facts.firstStillAt;
  if (from === undefined || (!underWay && facts.unready === 0)) return undefined;
  const latest = Date.parse(from) + (underWay ? limits.executionQuietSeconds : limits.waitSeconds) * 1000;
  if (!(latest > now.getTime())) return undefined;
  const at = new Date(latest).toISOString();
  if (underWay)
    return {
      waiting: {
        for: 'work',
        words: 'its observation was begun and is not finished: its files are packaged when it is',
        since: facts.startedAt,
        advice: 'if it is over, tell so: `cdt observation finish`',
      },
      next: { words: 'its observation is taken for over, unless more of it comes', at },
    };
  const others = `${facts.unready} ${facts.unready === 1 ? 'file' : 'files'}`;
  return {
    waiting: {
      for: 'work',
      words: `${others} of its observation may still be written, and are waited for`,
      since: from,
    },
    next: { words: 'it is packaged without those', at },
  };
}
