import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activityInfo } from '@temporalio/activity';
import type { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import { leftAloneFailure } from '../../src/activities/failure.js';
import type { PlannedPackage } from '../../src/activities/journey-orders.js';
import { decide as decideByOperator, waitingWorkflows } from '../../src/client/operator.js';
import * as exceptions from '../../src/core/exceptions.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import { startJourneys } from '../../src/worker/start-journeys.js';
import {
  rawDataPackageCreationJourney,
  type RawDataPackageCreationInput,
} from '../../src/workflows/journeys.js';
import { blocker, usedAgain } from '../../src/workflows/messages.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/** The real workflows on a real server; activities are fakes, because what is tested is what workflows do about failures. */

const SOURCE_QUEUE = taskQueue('ccat', 'source', 'raw_data_package_creation');
/** Longer than the test may take. */
const WAIT_MS = 3_600_000;
const FACTS = { files: 3, bytes: 1000, sha256: 'ab', refused: 0 };

function packageInput(packageId: string): RawDataPackageCreationInput {
  return {
    packageId,
    name: 'obs-1_chai_part-1',
    observation: 'obs 1',
    source: { site: 'ccat', location: 'source', locationId: 'l' },
  };
}

function start(lab: TemporalLab, packageId: string) {
  const journey = rawDataPackageCreationJourney(packageInput(packageId));
  return lab.client.workflow.start<(input: unknown) => Promise<void>>(journey.workflowType, {
    workflowId: journey.workflowId,
    taskQueue: WORKFLOW_QUEUE,
    args: [journey.input],
    typedSearchAttributes: journey.typedSearchAttributes,
    staticSummary: journey.staticSummary,
  });
}

/** Catalogue activities that remember what they were told. */
function catalogueFakes() {
  const calls: [string, unknown][] = [];
  const remember = (name: string) => (input: unknown) => {
    calls.push([name, input]);
    return Promise.resolve();
  };
  return {
    calls,
    reportProblem: remember('reportProblem'),
    resolveProblem: remember('resolveProblem'),
    failPackages: remember('failPackages'),
  };
}

async function until(test: () => Promise<boolean>): Promise<void> {
  while (!(await test())) await new Promise((resolve) => setTimeout(resolve, 100));
}

async function untilWaiting(lab: TemporalLab, workflowId: string): Promise<void> {
  await until(async () => (await waitingWorkflows(lab.client)).some((one) => one.workflowId === workflowId));
}

test(
  'a permanent failure waits for an operator, whose retry lets the journey go on',
  { timeout: 60_000 },
  () =>
    withTemporal(async (lab) => {
      let broken = true;
      const catalogue = catalogueFakes();
      const source = {
        createRawDataPackage: () => {
          if (broken) throw new exceptions.ConfigurationError('no buffer there', { advice: 'make one' });
          return Promise.resolve(FACTS);
        },
        recordRawDataPackage: () => Promise.resolve(),
      };
      await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogue, [SOURCE_QUEUE]: source }, async () => {
        const handle = await start(lab, lab.unique('p'));
        await untilWaiting(lab, handle.workflowId);
        const [waiting] = await waitingWorkflows(lab.client);
        assert.ok(waiting);
        assert.match(waiting.reason ?? '', /ConfigurationError: no buffer there/);
        assert.equal(waiting.advice, 'make one');
        assert.deepEqual(waiting.packageNames, ['obs-1_chai_part-1']);
        assert.equal(((await handle.query(blocker)) ?? assert.fail()).errorClass, 'ConfigurationError');

        broken = false;
        await decideByOperator(lab.client, handle.workflowId, { action: 'retry', by: 'night shift' });
        await handle.result();
        assert.deepEqual(
          catalogue.calls.map(([name]) => name),
          ['reportProblem', 'resolveProblem'],
        );
      });
    }),
);

test(
  'skip ends the journey in peace, abandon gives the package up; both refuse when nothing waits',
  { timeout: 60_000 },
  () =>
    withTemporal(async (lab) => {
      const catalogue = catalogueFakes();
      const source = {
        createRawDataPackage: () => {
          throw new exceptions.PermanentError('the source is gone');
        },
      };
      await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogue, [SOURCE_QUEUE]: source }, async () => {
        const skipped = await start(lab, lab.unique('skipped'));
        await untilWaiting(lab, skipped.workflowId);
        await decideByOperator(lab.client, skipped.workflowId, {
          action: 'skip',
          by: 'me',
          note: 'not needed',
        });
        await skipped.result();

        const abandonedId = lab.unique('abandoned');
        const abandoned = await start(lab, abandonedId);
        await untilWaiting(lab, abandoned.workflowId);
        await assert.rejects(
          decideByOperator(lab.client, abandoned.workflowId, { action: 'shout' as never, by: 'me' }),
          /decide one of/,
        );
        await decideByOperator(lab.client, abandoned.workflowId, { action: 'abandon', by: 'me' });
        await assert.rejects(
          abandoned.result(),
          (error: WorkflowFailedError) => (error.cause as ApplicationFailure).type === 'Abandoned',
        );
        assert.deepEqual(
          catalogue.calls.find(([name]) => name === 'failPackages'),
          ['failPackages', { packageIds: [abandonedId], reason: 'abandoned by me' }],
        );
      });
    }),
);

test(
  'retryable errors are tried again until they pass, permanent ones once, limited ones so often as their class says',
  { timeout: 120_000 },
  () =>
    withTemporal(async (lab) => {
      const attempts = new Map<string, number>();
      const source = {
        createRawDataPackage: ({ packageId }: { packageId: string }) => {
          const name = packageId.split('/')[0] ?? '';
          const attempt = (attempts.get(name) ?? 0) + 1;
          attempts.set(name, attempt);
          const Class = (exceptions as unknown as Record<string, typeof exceptions.CCATDataOperationError>)[
            name
          ]!;
          // 1.001 s keeps the back-off of the policy out of the test.
          if (attempt <= 5) throw new Class('again', { retryAfterSeconds: 0.01 });
          return Promise.resolve(FACTS);
        },
        recordRawDataPackage: () => Promise.resolve(),
      };
      const classes = Object.values(exceptions).filter(
        (Class) => Class !== exceptions.CCATDataOperationError,
      );
      await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogueFakes(), [SOURCE_QUEUE]: source }, async () => {
        await Promise.all(
          classes.map(async (Class) => {
            const handle = await start(lab, lab.unique(Class.name));
            if (Class.retryable && Class.maxRetries === Infinity) return handle.result();
            await untilWaiting(lab, handle.workflowId);
            await decideByOperator(lab.client, handle.workflowId, { action: 'skip', by: 'test' });
            return handle.result();
          }),
        );
      });
      for (const Class of classes) {
        const expected = !Class.retryable ? 1 : Class.maxRetries === Infinity ? 6 : Class.maxRetries + 1;
        assert.equal(attempts.get(Class.name), expected, Class.name);
      }
    }),
);

test('the same work started twice is one workflow', { timeout: 60_000 }, () =>
  withTemporal(async (lab) => {
    let made = 0;
    const source = {
      scanSource: () => Promise.resolve({ entries: 1, fresh: 1, unquiet: 0, refused: 0 }),
      createRawDataPackage: () => {
        made += 1;
        return Promise.resolve(FACTS);
      },
      recordRawDataPackage: () => Promise.resolve(),
    };
    const one = { ...packageInput(lab.unique('twice')), fresh: false };
    const catalogue = {
      ...catalogueFakes(),
      planRawDataPackages: () => Promise.resolve([one, one]),
      startPackageCreations: ({ packages }: { packages: PlannedPackage[] }) =>
        startJourneys(lab.client)('raw_data_package_creation', packages),
    };
    await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogue, [SOURCE_QUEUE]: source }, async () => {
      const plan = () =>
        lab.client.workflow.execute('rawDataPackagePlanning', {
          workflowId: lab.unique('plan'),
          taskQueue: WORKFLOW_QUEUE,
          args: [{ source: { site: 'ccat', location: 'source' } }],
        });
      await plan();
      await lab.client.workflow.getHandle(`raw-data-package/${one.packageId}`).result();
      await plan();
      await lab.client.workflow.getHandle(`raw-data-package/${one.packageId}`).result();
    });
    assert.equal(made, 1);
  }),
);

test('a signal that comes while the attempt still fails spares the wait', { timeout: 60_000 }, () =>
  withTemporal(async (lab) => {
    let attempts = 0;
    const source = {
      createRawDataPackage: async () => {
        attempts += 1;
        if (attempts > 1) return FACTS;
        const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
        await lab.client.workflow.getHandle(workflowId).signal(usedAgain, { kind: 'route', name: 'wan' });
        throw leftAloneFailure({
          kind: 'route',
          name: 'wan',
          since: new Date().toISOString(),
          until: new Date(Date.now() + WAIT_MS).toISOString(),
          failures: 3,
        });
      },
      recordRawDataPackage: () => Promise.resolve(),
    };
    await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogueFakes(), [SOURCE_QUEUE]: source }, async () => {
      const handle = await start(lab, lab.unique('p'));
      await handle.result();
      assert.equal(attempts, 2);
    });
  }),
);

test('a package that its making has recorded is not recorded once more', { timeout: 60_000 }, () =>
  withTemporal(async (lab) => {
    let recorded = 0;
    const source = (answer: object) => ({
      createRawDataPackage: () => Promise.resolve(answer),
      recordRawDataPackage: () => Promise.resolve(void (recorded += 1)),
    });
    for (const [answer, expected] of [
      [{ ...FACTS, recorded: true }, 0],
      [FACTS, 1],
    ] as const) {
      await lab.withWorkers(
        { [CATALOGUE_QUEUE]: catalogueFakes(), [SOURCE_QUEUE]: source(answer) },
        async () => (await start(lab, lab.unique('p'))).result(),
      );
      assert.equal(recorded, expected);
    }
  }),
);
