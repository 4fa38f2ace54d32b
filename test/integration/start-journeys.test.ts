import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@temporalio/client';
import type { DueDeletion, PlannedPackage } from '../../src/activities/journey-orders.js';
import * as exceptions from '../../src/core/exceptions.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import { startJourneys } from '../../src/worker/start-journeys.js';
import { deletionId, packageCreationId } from '../../src/workflows/journeys.js';
import { plannerOf } from '../../src/workflows/planners.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/** That journeys which an activity starts are as their planner's children were, none of them twice and none forgotten: on a real server. */

const timeout = 60_000;
const SOURCE = { site: 'ccat', location: 'source' };

function packageOrder(packageId: string): PlannedPackage {
  const source = { ...SOURCE, locationId: 'l' };
  return { packageId, name: `name-of-${packageId}`, observation: 'obs 1', source, fresh: true };
}

function deletionOrder(packageId: string): DueDeletion {
  const order = { archives: [], targets: [] };
  return { packageId, name: `name-of-${packageId}`, observation: 'obs 1', order };
}

/** What a run was started with; who started it, and its IDs, left out. */
async function startOf(client: Client, workflowId: string) {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const {
    input,
    searchAttributes,
    memo,
    priority,
    taskQueue: queue,
    workflowExecutionTimeout,
    workflowRunTimeout,
    workflowTaskTimeout,
    retryPolicy,
    workflowType,
    attempt,
  } = events?.[0]?.workflowExecutionStartedEventAttributes ?? assert.fail('no start');
  const { userMetadata } = events![0]!;
  // What is not set is absent in the one and empty in the other.
  const set = (value: unknown) => (JSON.stringify(value) === '{}' ? null : (value ?? null));
  return JSON.stringify({
    input: input?.payloads?.map(({ data }) => Buffer.from(data!).toString()),
    searchAttributes: Object.entries(searchAttributes?.indexedFields ?? {})
      .map(([name, { data, metadata }]) => [name, String(data), String(metadata?.['type'])])
      .sort(),
    summary: String(userMetadata?.summary?.data),
    ...{
      memo: set(memo),
      priority: set(priority),
      queue,
      retryPolicy: set(retryPolicy),
      workflowType,
      attempt,
    },
    ...{
      execution: set(workflowExecutionTimeout),
      run: set(workflowRunTimeout),
      task: set(workflowTaskTimeout),
    },
  });
}

async function runs(client: Client, workflowId: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = '${workflowId}'` }))
    found.push(runId);
  return found;
}

function runOf({ client }: TemporalLab, workflowId: string): Promise<string> {
  return client.workflow
    .getHandle(workflowId)
    .describe()
    .then(({ runId }) => runId);
}

/** Deletions that have nothing to do, and a catalogue whose planner finds one of them. */
const idleDeletions = (found: DueDeletion[]) => ({
  planDeletions: () => Promise.resolve(found),
});

test('a journey that an activity starts is as one that was a child of its planner', { timeout }, () =>
  withTemporal(async (lab) => {
    const [child, started] = [lab.unique('p'), lab.unique('q')];
    await lab.withWorkers({ [CATALOGUE_QUEUE]: idleDeletions([deletionOrder(child)]) }, async () => {
      await lab.client.workflow.execute('deletionPlanning', {
        workflowId: lab.unique('planner'),
        taskQueue: WORKFLOW_QUEUE,
        args: [{ site: 'ccat' }],
      });
      await startJourneys(lab.client)('deletion', [deletionOrder(started)]);
      const [asChild, byClient] = [
        await startOf(lab.client, deletionId(child)),
        await startOf(lab.client, deletionId(started)),
      ];
      assert.equal(byClient.replaceAll(started, 'ID'), asChild.replaceAll(child, 'ID'));
      assert.match(asChild, /CdtPackage/);
      assert.match(asChild, /Free the copies/);
    });
  }),
);

test(
  'what runs or has ended well is left alone, what failed or may be repeated is started again',
  { timeout },
  () =>
    withTemporal(async (lab) => {
      let broken = true;
      const source = {
        createRawDataPackage: () =>
          broken
            ? Promise.reject(new exceptions.PermanentError('broken on purpose'))
            : Promise.resolve({ files: 1, bytes: 1, sha256: 'ab', refused: 0, recorded: true }),
      };
      const catalogue = { reportProblem: () => Promise.resolve(), resolveProblem: () => Promise.resolve() };
      const queues = {
        [CATALOGUE_QUEUE]: catalogue,
        [taskQueue('ccat', 'source', 'raw_data_package_creation')]: source,
      };
      await lab.withWorkers(queues, async () => {
        const start = startJourneys(lab.client);
        const [packageId, deletedId] = [lab.unique('p'), lab.unique('d')];
        const id = packageCreationId(packageId);
        await start('raw_data_package_creation', [packageOrder(packageId)]);
        const first = await runOf(lab, id);
        await start('raw_data_package_creation', [packageOrder(packageId)]);
        assert.equal(await runOf(lab, id), first, 'it runs');

        await lab.client.workflow.getHandle(id).terminate('a test');
        broken = false;
        await start('raw_data_package_creation', [packageOrder(packageId)]);
        const second = await runOf(lab, id);
        assert.notEqual(second, first, 'it had failed');
        await lab.client.workflow.getHandle(id).result();
        await start('raw_data_package_creation', [packageOrder(packageId)]);
        assert.equal(await runOf(lab, id), second, 'it has ended well');

        await start('deletion', [deletionOrder(deletedId)]);
        await lab.client.workflow.getHandle(deletionId(deletedId)).result();
        const deleted = await runOf(lab, deletionId(deletedId));
        await start('deletion', [deletionOrder(deletedId)]);
        assert.notEqual(await runOf(lab, deletionId(deletedId)), deleted, 'a deletion may be repeated');
      });
    }),
);

test(
  'one that the server refuses keeps none of the others from being started, and is told',
  { timeout },
  () =>
    withTemporal(async (lab) => {
      const fine = [lab.unique('p'), lab.unique('q')];
      const tooLong = `${lab.unique('x')}${'y'.repeat(2000)}`;
      const orders = [fine[0]!, tooLong, fine[1]!].map(deletionOrder);
      await assert.rejects(startJourneys(lab.client)('deletion', orders), (error: unknown) => {
        assert.ok(error instanceof exceptions.ConfigurationError, String(error));
        assert.match(error.message, /1 of 3 journeys could not be started/);
        assert.equal(error.subject, deletionId(tooLong));
        assert.ok(error.advice);
        return true;
      });
      for (const id of fine) assert.ok(await runOf(lab, deletionId(id)));
    }),
);

test('while the server is away the starts fail as something that passes', async () => {
  const away = Object.assign(new Error('14 UNAVAILABLE: no connection'), {
    code: 14,
    details: '',
    metadata: {},
  });
  const client = { workflow: { start: () => Promise.reject(away) } } as unknown as Client;
  await assert.rejects(
    startJourneys(client)('deletion', [deletionOrder('a'), deletionOrder('b')]),
    (error: unknown) =>
      error instanceof exceptions.ServiceUnavailableError && /2 of 2 journeys/.test(error.message),
  );
});

test(
  'a planner of packages has no event for each; one whose starts were cut half-way starts the rest, and nothing twice',
  { timeout },
  () =>
    withTemporal(async (lab) => {
      const packages = Array.from({ length: 40 }, () => packageOrder(lab.unique('p')));
      let [tries, planned] = [0, 0];
      const really = startJourneys(lab.client);
      const catalogue = {
        // Asked anew it would find others: what it found once must not be asked for again.
        planRawDataPackages: () => Promise.resolve({ planned: planned++ === 0 ? packages : [], reasons: [] }),
        startPackageCreations: async (input: { packages: PlannedPackage[] }) => {
          tries += 1;
          await really(
            'raw_data_package_creation',
            tries === 1 ? input.packages.slice(0, 17) : input.packages,
          );
          if (tries === 1) throw new exceptions.ServiceUnavailableError('cut half-way on purpose');
        },
      };
      const source = {
        scanSource: () => Promise.resolve({ entries: 40, refused: 0 }),
        createRawDataPackage: () =>
          Promise.resolve({ files: 1, bytes: 1, sha256: 'ab', refused: 0, recorded: true }),
      };
      const queues = {
        [CATALOGUE_QUEUE]: catalogue,
        [taskQueue('ccat', 'source', 'raw_data_package_creation')]: source,
      };
      await lab.withWorkers(queues, async () => {
        const planner = plannerOf('raw_data_package_creation', SOURCE)!;
        const handle = await lab.client.workflow.start(planner.workflowType, {
          workflowId: lab.unique(planner.id),
          taskQueue: WORKFLOW_QUEUE,
          args: [planner.input],
        });
        assert.deepEqual(await handle.result(), { scan: { entries: 40, refused: 0 }, planned: 40 });
        assert.equal(tries, 2);
        for (const { packageId } of packages) {
          await lab.client.workflow.getHandle(packageCreationId(packageId)).result();
          assert.equal((await runs(lab.client, packageCreationId(packageId))).length, 1, packageId);
        }
        const { events } = await handle.fetchHistory();
        assert.ok((events ?? []).length < 40, `${events?.length} events`);
      });
    }),
);
