import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyExecutionWaits, type ExecutionFacts } from '../../../src/core/policy/execution-wait.js';
import { keptUntil } from '../../../src/core/policy/staging.js';

const NOW = new Date('2026-06-01T12:00:00Z');
const LIMITS = { executionQuietSeconds: 3600, waitSeconds: 600 };

function waits(facts: Partial<ExecutionFacts>) {
  return whyExecutionWaits({ status: 'completed', unready: 0, ...facts }, LIMITS, NOW);
}

test('an observation that was begun holds its files up until its end, or until nothing came for long', () => {
  const facts = { status: 'in_progress', startedAt: '2026-06-01T11:00:00.000Z' } as const;
  const found = waits({ ...facts, lastAt: '2026-06-01T11:30:00Z' });
  assert.match(found?.waiting.words ?? '', /begun and is not finished/);
  assert.equal(found?.waiting.since, facts.startedAt);
  assert.equal(found.next.at, '2026-06-01T12:30:00.000Z');
  assert.equal(waits({ ...facts, lastAt: '2026-06-01T11:00:00Z' }), undefined, 'it is taken for over');
  assert.equal(waits({ ...facts }), undefined, 'nothing of it could be packaged');
});

test('files that may still be written hold up the others of their observation, for a while', () => {
  const found = waits({ unready: 2, firstStillAt: '2026-06-01T11:55:00Z' });
  assert.match(found?.waiting.words ?? '', /2 files of its observation may still be written/);
  assert.deepEqual(
    [found?.waiting.since, found?.next.at],
    ['2026-06-01T11:55:00Z', '2026-06-01T12:05:00.000Z'],
  );
  assert.equal(waits({ unready: 2, firstStillAt: '2026-06-01T11:50:00Z' }), undefined);
  assert.equal(waits({ unready: 0, firstStillAt: '2026-06-01T11:59:00Z' }), undefined);
});

test('a staged copy is kept for its retention after the last who needs it', () => {
  const rules = { retentionSeconds: 3600 };
  const neededAt = '2026-06-01T10:00:00Z';
  assert.equal(keptUntil({ needs: [], neededAt }, rules), '2026-06-01T11:00:00.000Z');
  const need = (state: 'ready' | 'released', expiresAt: string) => ({
    jobId: 'j',
    requestedBy: 'ada',
    state,
    expiresAt,
  });
  const needs = [need('ready', '2026-06-02T10:00:00Z'), need('released', '2026-06-09T10:00:00Z')];
  assert.equal(keptUntil({ needs, neededAt }, rules), '2026-06-02T11:00:00.000Z');
});
