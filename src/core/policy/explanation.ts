/**
 * Why something stands where it stands, in words: pure functions from facts to sentences, for `cdt explain` and whoever else must
 * tell it. Times are ISO 8601.
 */

import { leftAloneInWords, type LeftAlone } from './breaker.js';

/** Why work does not go on at this moment. */
export interface Waiting {
  for:
    | 'operator'
    | 'worker'
    | 'retry'
    /** A route or a store that is left alone for now. */
    | 'breaker'
    | 'work'
    | 'planner'
    | 'paused planner'
    /** A copy that must not go yet. */
    | 'safety'
    | 'nothing'
    | 'unknown';
  /** A sentence without its full stop. */
  words: string;
  since?: string;
  advice?: string;
}

/** What comes after that, and when, as far as it is known. */
export interface Next {
  words: string;
  at?: string;
}

/** The part of a workflow's state that an explanation needs. */
export interface WorkFacts {
  workflowId: string;
  status: string;
  startedAt: string;
  blocker?: { step: string; errorClass: string; message: string; advice?: string; since: string };
  /** Set where it waits for a route or a store that is left alone. */
  leftAlone?: LeftAlone;
  activities: ActivityFacts[];
}

export interface ActivityFacts {
  type: string;
  taskQueue?: string;
  state: 'waiting' | 'running' | 'backing off';
  attempt: number;
  since: string;
  nextAttemptAt?: string;
  lastFailure?: { errorClass: string; message: string };
  served?: boolean;
}

/** Why a running workflow does not go on: the worst of its reasons, since that is what somebody has to look at. */
export function whyWorkWaits(work: WorkFacts): Waiting {
  if (work.blocker !== undefined) {
    const { step, errorClass, message, since, advice } = work.blocker;
    const answer = `cdt retry ${work.workflowId} (or skip, abandon)`;
    return {
      for: 'operator',
      words: `it waits for an operator: ${step} failed: ${errorClass}: ${message}`,
      since,
      advice: advice === undefined ? answer : `${advice} Then: ${answer}`,
    };
  }
  if (work.leftAlone !== undefined && work.activities.length === 0) {
    const { kind, name, since } = work.leftAlone;
    return {
      for: 'breaker',
      words: `it waits: ${leftAloneInWords(work.leftAlone)}`,
      since,
      advice: `it goes on by itself; cdt breakers reset ${kind}/${name} --reason ... has it tried at once`,
    };
  }
  const [worst] = work.activities.map(whyActivityWaits).sort((a, b) => SEVERITY[a.for] - SEVERITY[b.for]);
  return (
    worst ?? {
      for: 'work',
      words: 'its workflow is between two steps',
      since: work.startedAt,
    }
  );
}

/** Of several workflows on one thing, the one that somebody has to look at first: one that waits for another has nothing to tell. */
export function mostUrgent<T extends WorkFacts>(works: T[]): T | undefined {
  const severity = (work: T) => SEVERITY[whyWorkWaits(work).for];
  return [...works].sort((a, b) => severity(a) - severity(b))[0];
}

const SEVERITY: Record<Waiting['for'], number> = {
  operator: 0,
  worker: 1,
  retry: 2,
  breaker: 3,
  'paused planner': 4,
  work: 5,
  planner: 6,
  safety: 7,
  nothing: 8,
  unknown: 9,
};

function whyActivityWaits(activity: ActivityFacts): Waiting {
  const { type, taskQueue, attempt, since, lastFailure } = activity;
  const queue = taskQueue === undefined ? 'its queue' : `the queue ${taskQueue}`;
  if (activity.state === 'running') {
    const again = attempt > 1 ? `, attempt ${attempt}` : '';
    return { for: 'work', words: `${type} is being done (${taskQueue ?? 'at a worker'}${again})`, since };
  }
  if (activity.served === false) {
    return {
      for: 'worker',
      words: `${type} waits for a worker: nobody serves ${queue}`,
      since,
      advice: taskQueue === undefined ? undefined : workerAdvice(taskQueue),
    };
  }
  if (activity.state === 'backing off') {
    const why = lastFailure === undefined ? '' : `: ${lastFailure.errorClass}: ${lastFailure.message}`;
    return { for: 'retry', words: `${type} failed ${attempt - 1} times and is tried again${why}`, since };
  }
  return { for: 'worker', words: `${type} waits for a free place at a worker of ${queue}`, since };
}

function workerAdvice(taskQueue: string): string | undefined {
  const [site, location] = taskQueue.split('.');
  return location === undefined ? undefined : `start one at that site: cdt worker --site ${site}`;
}

/** When a running workflow goes on by itself, as far as that is known. */
export function nextOfWork(work: WorkFacts): Next | undefined {
  if (work.blocker !== undefined) return undefined;
  if (work.leftAlone !== undefined && work.activities.length === 0)
    return { words: `the ${work.leftAlone.kind} ${work.leftAlone.name} is probed`, at: work.leftAlone.until };
  const retries = work.activities.filter((one) => one.nextAttemptAt !== undefined);
  const [first] = retries.sort((a, b) => (a.nextAttemptAt ?? '').localeCompare(b.nextAttemptAt ?? ''));
  return first && { words: `attempt ${first.attempt} of ${first.type}`, at: first.nextAttemptAt };
}

/** What a planner's schedule means for something that no workflow works on yet. */
export function whyPlannerWaits(
  planner: { id: string; does: string; verdict?: { reasons: string[]; since?: string } },
  schedule: { at?: string; paused: boolean; note?: string } | undefined,
  since?: string,
): { waiting: Waiting; next?: Next } {
  if (schedule === undefined) {
    return {
      waiting: {
        for: 'paused planner',
        words: `nothing plans it: the schedule ${planner.id} does not exist`,
        since,
        advice: 'see whether the location is active; `cdt migrate` makes the schedules anew',
      },
    };
  }
  if (schedule.paused) {
    const note = schedule.note === undefined || schedule.note === '' ? '' : ` (${schedule.note})`;
    return {
      waiting: {
        for: 'paused planner',
        words: `the schedule ${planner.id} is paused${note}`,
        since,
        advice: `cdt schedules resume ${planner.id}`,
      },
    };
  }
  const { reasons = [], since: waitsSince } = planner.verdict ?? {};
  const found = reasons.length === 0 ? '' : `; the last one found: ${reasons.join('; ')}`;
  const words = `it waits for the next look that ${planner.does}${found}`;
  return {
    waiting: { for: 'planner', words, since: reasons.length === 0 ? since : waitsSince },
    next: { words: `${planner.id} looks`, at: schedule.at },
  };
}
