import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, RetryState } from '@temporalio/common';
import { toActivityFailure } from '../../../src/activities/failure.js';
import { asOurs } from '../../../src/client/errors.js';
import { PermanentError } from '../../../src/core/exceptions.js';

function failedOf(cause: ApplicationFailure): WorkflowFailedError {
  const failure = new ActivityFailure(
    'Activity task failed',
    'scanSource',
    '1',
    RetryState.NON_RETRYABLE_FAILURE,
    'w',
    cause,
  );
  return new WorkflowFailedError('Workflow execution failed', failure, RetryState.RETRY_POLICY_NOT_SET);
}

test('what a workflow failed of is told as it was thrown', () => {
  const thrown = new PermanentError('the source is gone', { subject: 'ccat.source', advice: 'mount it' });
  const told = asOurs(failedOf(toActivityFailure(thrown, 1)));
  assert.ok(told instanceof PermanentError);
  assert.deepEqual(
    [told.message, told.subject, told.advice],
    ['the source is gone', 'ccat.source', 'mount it'],
  );
});

test('a failure of no class of ours may be a defect', () => {
  const told = asOurs(failedOf(ApplicationFailure.nonRetryable('oops', 'Strange')));
  assert.equal(told.name, 'CCATDataOperationError');
  assert.match(told.message, /oops/);
  assert.match(told.advice ?? '', /may be a defect/);
});
