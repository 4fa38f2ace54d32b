import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { decide, waitingWorkflows } from '../../src/client/operator.js';
import * as exceptions from '../../src/core/exceptions.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/**
 * Each class thrown by an activity of a running workflow, under the interceptor that every worker has, and what the server's history
 * says of it then.
 */

type ErrorClass = typeof exceptions.CCATDataOperationError;
const classes = Object.entries(exceptions) as [string, ErrorClass][];
const { RetryState, ApplicationErrorCategory } = proto.temporal.api.enums.v1;

const QUEUE = taskQueue('ccat', 'source', 'raw_data_package_creation');
/** Failures after which an error that may be retried for ever passes. */
const PASSES_AFTER = 5;
const DETAILS = {
  operation: 'raw_data_package_creation',
  subject: 'file 1',
  advice: 'look',
  context: { bytes: 3 },
};

function activities() {
  const attempts = new Map<string, number>();
  const fail = (packageId: string, retryAfterSeconds: number) => {
    const Class = classes.find(([name]) => packageId.startsWith(`${name}/`))![1];
    const attempt = (attempts.get(packageId) ?? 0) + 1;
    attempts.set(packageId, attempt);
    if (Class.retryable && Class.maxRetries === Infinity && attempt > PASSES_AFTER)
      return Promise.resolve({ files: 1, bytes: 1, sha256: 'ab', refused: 0 });
    throw new Class(`${Class.name} happened`, { ...DETAILS, retryAfterSeconds });
  };
  return {
    source: (retryAfterSeconds: number) => ({
      createRawDataPackage: ({ packageId }: { packageId: string }) => fail(packageId, retryAfterSeconds),
      recordRawDataPackage: () => Promise.resolve(),
    }),
    catalogue: {
      reportProblem: () => Promise.resolve(),
      resolveProblem: () => Promise.resolve(),
      failPackages: () => Promise.resolve(),
    },
  };
}

function start(lab: TemporalLab, id: string): Promise<WorkflowHandle> {
  return lab.client.workflow.start('rawDataPackageCreation', {
    workflowId: id,
    taskQueue: WORKFLOW_QUEUE,
    args: [
      {
        packageId: id,
        name: id,
        observation: 'o',
        source: { site: 'ccat', location: 'source', locationId: 'l' },
      },
    ],
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** What the history says of the activity: the attempts that were started, and the last failure. */
async function recorded(handle: WorkflowHandle) {
  const { events = [] } = await handle.fetchHistory();
  const scheduled = events!.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'createRawDataPackage',
  )!.eventId;
  const of = (attributes: { scheduledEventId?: unknown } | null | undefined) =>
    String(attributes?.scheduledEventId) === String(scheduled);
  const started = events!.find((event) => of(event.activityTaskStartedEventAttributes));
  const failed = events!.find((event) => of(event.activityTaskFailedEventAttributes));
  const failure =
    failed?.activityTaskFailedEventAttributes?.failure ??
    started?.activityTaskStartedEventAttributes?.lastFailure;
  const info = failure?.applicationFailureInfo;
  const [payload] = info?.details?.payloads ?? [];
  return {
    attempts: started?.activityTaskStartedEventAttributes?.attempt,
    retryState: failed?.activityTaskFailedEventAttributes?.retryState,
    message: failure?.message,
    type: info?.type,
    nonRetryable: info?.nonRetryable ?? false,
    benign: info?.category === ApplicationErrorCategory.APPLICATION_ERROR_CATEGORY_BENIGN,
    details: payload === undefined ? undefined : defaultPayloadConverter.fromPayload(payload),
  };
}

test(
  'all 25 classes: type, attempts, retry state, details as the history has them',
  { timeout: 180_000 },
  () =>
    withTemporal(async (lab) => {
      const { source, catalogue } = activities();
      await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogue, [QUEUE]: source(0.01) }, async () => {
        await Promise.all(
          classes.map(async ([name, Class]) => {
            const passes = Class.retryable && Class.maxRetries === Infinity;
            const id = lab.unique(name);
            const handle = await start(lab, id);
            if (!passes) {
              await until(async () =>
                (await waitingWorkflows(lab.client)).some((one) => one.workflowId === id),
              );
              await decide(lab.client, id, { action: 'skip', by: 'test' });
            }
            await handle.result();
            const expectedAttempts = passes ? PASSES_AFTER + 1 : Class.retryable ? Class.maxRetries + 1 : 1;
            assert.deepEqual(
              await recorded(handle),
              {
                attempts: expectedAttempts,
                retryState: passes ? undefined : RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE,
                message: `${name} happened`,
                type: name,
                nonRetryable: !passes,
                benign: Class.expected,
                details: {
                  bytes: 3,
                  operation: 'raw_data_package_creation',
                  subject: 'file 1',
                  advice: 'look',
                },
              },
              name,
            );
          }),
        );
      });
    }),
);

test('an error that knows when to try again is obeyed', { timeout: 60_000 }, () =>
  withTemporal(async (lab) => {
    const { source, catalogue } = activities();
    await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogue, [QUEUE]: source(3600) }, async () => {
      const handle = await start(lab, lab.unique('ServiceUnavailableError'));
      const waits = async () => {
        const { raw } = await handle.describe();
        const seconds = raw.pendingActivities?.map((one) => Number(one.currentRetryInterval?.seconds ?? 0));
        return Math.max(0, ...(seconds ?? []));
      };
      let waited = 0;
      await until(async () => (waited = await waits()) > 0);
      assert.equal(waited, 3600, 'not the half minute that the policy would wait at most');
      await handle.terminate();
    });
  }),
);
