import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker } from '@temporalio/worker';
import * as workflows from '../../src/workflows/index.js';
import { workflowBundle } from '../integration/support/temporal.js';

/**
 * Histories of real runs, one file for each case: `<workflow type>.<case>.json`. The code of today must be able to follow each of
 * them, or runs that are open when it is deployed would break. Recorded by `record.ts`.
 */
const HISTORIES = new URL('../../../test/replay/histories/', import.meta.url);
const files = readdirSync(HISTORIES).filter((name) => name.endsWith('.json'));

interface Recorded {
  workflowId: string;
  history: { events: { activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[] };
}

function recorded(file: string): Recorded {
  return JSON.parse(readFileSync(new URL(file, HISTORIES), 'utf8')) as Recorded;
}

for (const file of files) {
  test(`today's code follows ${file}`, async () => {
    const { workflowId, history } = recorded(file);
    await Worker.runReplayHistory({ workflowBundle }, history, workflowId);
  });
}

test('every workflow type has a recorded history', () => {
  const types = new Set(files.map((file) => file.split('.')[0]));
  assert.deepEqual(
    Object.keys(workflows).filter((type) => !types.has(type)),
    [],
  );
});

test('a history that the code can not follow is found out', async () => {
  const { workflowId, history } = recorded('rawDataPackageCreation.completed.json');
  const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes !== undefined);
  assert.ok(scheduled?.activityTaskScheduledEventAttributes);
  scheduled.activityTaskScheduledEventAttributes.activityType.name = 'somethingElse';
  await assert.rejects(
    Worker.runReplayHistory({ workflowBundle }, history, workflowId),
    DeterminismViolationError,
  );
});
