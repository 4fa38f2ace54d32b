import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activityInfo } from '@temporalio/activity';
import { leftAloneFailure } from '../../src/activities/failure.js';
import { usedAgain } from '../../src/workflows/messages.js';
import { sendBundle } from './support/bundle-journey.js';
import { withTemporal } from './support/temporal.js';

/** Longer than the test may take. */
const WAIT_MS = 3_600_000;
const ROUTE = { kind: 'route', name: 'wan' } as const;

test(
  'a transfer that is told that its route is used again while it looks for another way spares the wait',
  { timeout: 60_000 },
  () =>
    withTemporal(async (lab) => {
      const calls: string[] = [];
      const catalogue = {
        rerouteTransfer: async () => {
          calls.push('rerouteTransfer');
          const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
          await lab.client.workflow.getHandle(workflowId).signal(usedAgain, ROUTE);
          return undefined;
        },
        recordArrival: () => Promise.resolve([]),
      };
      const origin = {
        transferPackages: () => {
          calls.push('transferPackages');
          if (calls.length > 1) return Promise.resolve({ failed: [] });
          throw leftAloneFailure({
            ...ROUTE,
            since: new Date().toISOString(),
            until: new Date(Date.now() + WAIT_MS).toISOString(),
            failures: 3,
          });
        },
      };
      const destination = { verifyPackages: () => Promise.resolve({ arrived: [], damaged: [] }) };
      await sendBundle(lab, { catalogue, origin, destination });
      assert.deepEqual(calls, ['transferPackages', 'rerouteTransfer', 'transferPackages']);
    }),
);
