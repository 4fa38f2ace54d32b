import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import proto from '@temporalio/proto';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import * as workflows from '../../src/workflows/index.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/**
 * What the Temporal UI does when a person types JSON into it: a call with one payload `json/plain`, without this system's client. The
 * JSON is that of docs/temporal-ui.md, word for word.
 */

const PAGE = readFileSync(new URL('../../../docs/temporal-ui.md', import.meta.url), 'utf8');
const { UpdateWorkflowExecutionLifecycleStage } = proto.temporal.api.enums.v1;

/** The JSON that the page shows under a heading. */
function shown(heading: string): string {
  const section = PAGE.split(/^### /m).find((one) => one.startsWith(`${heading}\n`));
  const json = section?.match(/```json\n([\s\S]*?)```/)?.[1];
  assert.ok(json, `the page shows JSON for ${heading}`);
  return json;
}

const payloads = (json: string) => ({
  payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(json) }],
});

function startByHand(lab: TemporalLab, workflowType: string, workflowId: string, json: string) {
  return lab.client.workflowService.startWorkflowExecution({
    namespace: lab.client.options.namespace,
    requestId: workflowId,
    workflowId,
    workflowType: { name: workflowType },
    taskQueue: { name: WORKFLOW_QUEUE },
    input: payloads(json),
  });
}

async function updateByHand(lab: TemporalLab, workflowId: string, name: string, json: string) {
  return lab.client.workflowService.updateWorkflowExecution({
    namespace: lab.client.options.namespace,
    workflowExecution: { workflowId },
    waitPolicy: {
      lifecycleStage:
        UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
    },
    request: { meta: { updateId: `by-hand-${Math.random()}` }, input: { name, args: payloads(json) } },
  });
}

test('the page shows the JSON of every workflow, and it is JSON', () => {
  for (const type of Object.keys(workflows))
    assert.doesNotThrow(() => JSON.parse(shown(type)) as unknown, type);
});

test(
  'a planner and a journey start from plain JSON, and a decision is taken from it',
  { timeout: 60_000 },
  () =>
    withTemporal(async (lab) => {
      let broken = true;
      const seen: unknown[] = [];
      const catalogue = {
        planArchiveTransfers: (input: unknown) => {
          seen.push(input);
          return Promise.resolve([]);
        },
        reportProblem: () => Promise.resolve(),
        resolveProblem: () => Promise.resolve(),
      };
      const source = {
        createRawDataPackage: () => {
          if (broken) throw new Error('broken on purpose');
          return Promise.resolve({ files: 1, bytes: 1, sha256: 'ab', refused: 0 });
        },
        recordRawDataPackage: () => Promise.resolve(),
      };
      const queue = taskQueue('ccat', 'source', 'raw_data_package_creation');
      await lab.withWorkers({ [CATALOGUE_QUEUE]: catalogue, [queue]: source }, async () => {
        await startByHand(lab, 'longTermArchivePlanning', 'by-hand', shown('longTermArchivePlanning'));
        assert.deepEqual(await lab.client.workflow.getHandle('by-hand').result(), { planned: 0 });
        assert.deepEqual(seen, [{ site: 'cologne', location: 'lta' }]);

        await startByHand(lab, 'rawDataPackageCreation', 'journey', shown('rawDataPackageCreation'));
        const handle = lab.client.workflow.getHandle('journey');
        while ((await handle.query('blocker')) === null)
          await new Promise((resolve) => setTimeout(resolve, 200));
        const refused = await updateByHand(lab, 'journey', 'decide', '{"action": "shout", "by": "me"}');
        assert.match(refused.outcome?.failure?.message ?? '', /decide one of/);
        broken = false;
        const decided = await updateByHand(lab, 'journey', 'decide', shown('Update: decide'));
        assert.ok(decided.outcome?.success);
        await handle.result();
      });
    }),
);
