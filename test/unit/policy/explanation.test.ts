import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  mostUrgent,
  nextOfWork,
  whyPlannerWaits,
  whyWorkWaits,
  type ActivityFacts,
  type WorkFacts,
} from '../../../src/core/policy/explanation.js';

const SINCE = '2026-11-24T20:00:00.000Z';
const LATER = '2026-11-24T20:05:00.000Z';

function work(...activities: Partial<ActivityFacts>[]): WorkFacts {
  return {
    workflowId: 'long-term-archive-transfer/p/us.lta',
    status: 'running',
    startedAt: SINCE,
    activities: activities.map((one) => ({
      type: 'archivePackage',
      taskQueue: 'us.lta.long_term_archive_transfer',
      state: 'running',
      attempt: 1,
      since: SINCE,
      ...one,
    })),
  };
}

test('work that waits for an operator says who must act and how, whatever else goes on', () => {
  const blocker = {
    step: 'storing',
    errorClass: 'ConfigurationError',
    message: 'wrong key',
    advice: 'Correct the key.',
    since: LATER,
  };
  const waiting = whyWorkWaits({ ...work({}), blocker });
  assert.equal(waiting.for, 'operator');
  assert.match(waiting.words, /storing failed: ConfigurationError: wrong key/);
  assert.match(waiting.advice ?? '', /^Correct the key\. Then: cdt retry long-term-archive-transfer/);
  assert.equal(waiting.since, LATER);
  assert.equal(nextOfWork({ ...work({}), blocker }), undefined, 'nothing comes by itself');
});

test('a queue that nobody serves is told before a failure of an earlier attempt', () => {
  const lastFailure = { errorClass: 'NetworkError', message: 'refused' };
  const waiting = whyWorkWaits(
    work({ state: 'backing off', attempt: 3, lastFailure, served: false, nextAttemptAt: LATER }),
  );
  assert.equal(waiting.for, 'worker');
  assert.match(waiting.words, /nobody serves the queue us\.lta\.long_term_archive_transfer/);
  assert.equal(waiting.advice, 'start one at that site: cdt worker --site us');
});

test('of several activities the one that somebody has to look at is told', () => {
  const lastFailure = { errorClass: 'StorageError', message: 'the store answers 503' };
  const waiting = whyWorkWaits(
    work({}, { state: 'backing off', attempt: 4, lastFailure, served: true }, { type: 'other' }),
  );
  assert.equal(waiting.for, 'retry');
  assert.match(waiting.words, /failed 3 times and is tried again: StorageError: the store answers 503/);
});

test('of several workflows the one that is stuck is told, not the one that waits for it', () => {
  const parent = work();
  const child = work({ state: 'waiting', served: false });
  assert.equal(mostUrgent([parent, child]), child);
  const none = mostUrgent<WorkFacts>([]);
  assert.equal(none, undefined);
});

test('the next attempt is the earliest of all', () => {
  const next = nextOfWork(
    work(
      { state: 'backing off', attempt: 2, nextAttemptAt: LATER },
      { state: 'backing off', attempt: 7, nextAttemptAt: SINCE },
    ),
  );
  assert.deepEqual(next, { words: 'attempt 7 of archivePackage', at: SINCE });
});

test('work between two steps is neither stuck nor unknown', () => {
  assert.deepEqual(whyWorkWaits(work()), {
    for: 'work',
    words: 'its workflow is between two steps',
    since: SINCE,
  });
});

test('a planner that is paused or gone is told as the reason, one that runs with its next time', () => {
  const planner = { id: 'plan/deletion/ccat', does: 'frees what the archives have made redundant' };
  const gone = whyPlannerWaits(planner, undefined, SINCE);
  assert.match(gone.waiting.words, /the schedule plan\/deletion\/ccat does not exist/);
  const paused = whyPlannerWaits(planner, { paused: true, note: 'maintenance' }, SINCE);
  assert.match(paused.waiting.words, /is paused \(maintenance\)/);
  assert.equal(paused.waiting.advice, 'cdt schedules resume plan/deletion/ccat');
  const running = whyPlannerWaits(planner, { paused: false, at: LATER }, SINCE);
  assert.equal(running.waiting.for, 'planner');
  assert.deepEqual(running.next, { words: 'plan/deletion/ccat looks', at: LATER });
});
