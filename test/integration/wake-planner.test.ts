import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeLogger } from '../../src/core/logging.js';
import { CATALOGUE_QUEUE } from '../../src/core/queue-discovery.js';
import { syncSchedules } from '../../src/worker/planner-schedules.js';
import { wakePlanner } from '../../src/worker/wake-planner.js';
import { isPlannerId, plannerOf } from '../../src/workflows/planners.js';
import { withTemporal, type TemporalLab } from './support/temporal.js';

/** That no word to a planner is lost: real schedules and planners on a real server; the catalogue is a fake that counts who asks it. */

const OPERATION = 'data_transfer_package_creation';
const BUFFER = { site: 'ccat', location: 'buffer' };
const timeout = 60_000;

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function running(lab: TemporalLab): Promise<number> {
  let found = 0;
  for await (const { workflowId } of lab.client.workflow.list({ query: 'ExecutionStatus = "Running"' }))
    if (isPlannerId(workflowId)) found += 1;
  return found;
}

/** A schedule whose first run is over, and that comes round long after the test. */
async function withPlanner(
  run: (lab: TemporalLab, asked: () => number, gate: { open: Promise<void> }) => Promise<void>,
): Promise<void> {
  await withTemporal(async (lab) => {
    let asked = 0;
    const gate = { open: Promise.resolve() };
    const planDataTransfers = async () => {
      asked += 1;
      await gate.open;
      return { planned: [], reasons: [] };
    };
    await lab.withWorkers({ [CATALOGUE_QUEUE]: { planDataTransfers } }, async () => {
      await syncSchedules(lab.client, [{ planner: plannerOf(OPERATION, BUFFER)!, everySeconds: 86_400 }]);
      await until(() => asked === 1);
      await until(async () => (await running(lab)) === 0);
      await run(lab, () => asked, gate);
    });
  });
}

const log = makeLogger({ level: 'error', format: 'json' });
const wake = (lab: TemporalLab) => wakePlanner(lab.client, log, OPERATION, BUFFER);

test(
  'a planner that is woken looks once, and again for each word that comes after it looked',
  { timeout },
  () =>
    withPlanner(async (lab, asked) => {
      for (let words = 1; words <= 5; words++) {
        await wake(lab);
        await until(() => asked() === 1 + words);
      }
      await until(async () => (await running(lab)) === 0);
      assert.equal(asked(), 6);
    }),
);

test('words that come while a planner looks make it look once more, however many they are', { timeout }, () =>
  withPlanner(async (lab, asked, gate) => {
    let open = () => {};
    gate.open = new Promise((resolve) => (open = resolve));
    await wake(lab);
    await until(() => asked() === 2);
    await Promise.all([wake(lab), wake(lab), wake(lab)]);
    open();
    await until(() => asked() === 3);
    await until(async () => (await running(lab)) === 0);
    assert.equal(asked(), 3);
  }),
);

test('a planner that an operator paused is left alone', { timeout }, () =>
  withPlanner(async (lab, asked) => {
    const schedule = lab.client.schedule.getHandle(plannerOf(OPERATION, BUFFER)!.id);
    await schedule.pause('a test');
    await wake(lab);
    await schedule.unpause();
    await wake(lab);
    await until(() => asked() === 2);
    await until(async () => (await running(lab)) === 0);
    assert.equal(asked(), 2);
  }),
);
