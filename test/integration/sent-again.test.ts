import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import { dataTransferJourney } from '../../src/workflows/journeys.js';
import { withTemporal } from './support/temporal.js';

const NAME = 'obs-1_chai_part-1';

test('what arrived damaged is sent again, and the origin hears that it was', { timeout: 60_000 }, () =>
  withTemporal(async (lab) => {
    const told: (boolean | undefined)[] = [];
    const origin = {
      transferPackages: ({ again }: { again?: boolean }) => {
        told.push(again);
        return Promise.resolve({ failed: [] });
      },
    };
    const damage = {
      packageId: '1',
      name: NAME,
      errorClass: 'ChecksumVerificationError',
      message: 'it differs',
    };
    const destination = {
      verifyPackages: () => Promise.resolve({ arrived: [], damaged: told.length === 1 ? [damage] : [] }),
    };
    const journey = dataTransferJourney({
      dataTransferId: lab.unique('t'),
      name: 'a-bundle',
      origin: { site: 'ccat', location: 'buffer' },
      destination: { site: 'cologne', location: 'buffer' },
      observations: ['obs 1'],
      packages: [NAME],
    });
    await lab.withWorkers(
      {
        [CATALOGUE_QUEUE]: { recordArrival: () => Promise.resolve([]) },
        [taskQueue('ccat', 'buffer', 'data_transfer')]: origin,
        [taskQueue('cologne', 'buffer', 'data_transfer_unpacking')]: destination,
      },
      () =>
        lab.client.workflow.execute(journey.workflowType, {
          workflowId: journey.workflowId,
          taskQueue: WORKFLOW_QUEUE,
          args: [journey.input],
          typedSearchAttributes: journey.typedSearchAttributes,
        }),
    );
    assert.deepEqual(told, [false, true]);
  }),
);
