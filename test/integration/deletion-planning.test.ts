import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { makeCatalogueActivities } from '../../src/activities/catalogue.js';
import type { Dependencies } from '../../src/activities/dependencies.js';
import type { DueDeletion } from '../../src/activities/journey-orders.js';
import { decide, waitingWorkflows } from '../../src/client/operator.js';
import { setSetting } from '../../src/client/settings.js';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { ConfigurationError, ServiceUnavailableError } from '../../src/core/exceptions.js';
import { makeLogger } from '../../src/core/logging.js';
import { CATALOGUE_QUEUE, taskQueue, WORKFLOW_QUEUE } from '../../src/core/queue-discovery.js';
import { SettingsManager } from '../../src/core/settings-manager.js';
import { deletionJourney } from '../../src/workflows/journeys.js';
import { archive, arrived, entry, observatory, packaged, storedIn } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { withTemporal } from './support/temporal.js';

/** How a deletion comes to be: archiving wakes a planner, the planner hands each package on once, with what it found. */

const AUTHOR = { by: 'night shift', note: 'a test' };
const HERE = ['ccat.buffer', 'ccat.chai', 'cologne.buffer'];

/** Activities of the catalogue, and the planners that they wake. */
async function laboratory(catalogue: Catalogue) {
  for (const [name, value] of [
    ['deletion.grace_hours', '0'],
    ['deletion.required_copies', '1'],
    ['deletion.budget_share', '1'],
  ] as const)
    await setSetting(catalogue, name, value, {}, AUTHOR);
  const woken: string[] = [];
  /** What was begun, and whether the server takes it. */
  const begun = { packageIds: [] as string[], refuse: false };
  const activities = makeCatalogueActivities({
    catalogue,
    settings: new SettingsManager(catalogue.settings),
    log: makeLogger({ level: 'error', format: 'json' }),
    wakePlanner: (operation: string, { site }: { site: string }) =>
      Promise.resolve(void woken.push(`${operation} ${site}`)),
    startJourneys: (_operation: string, orders: DueDeletion[]) => {
      if (begun.refuse) return Promise.reject(new ServiceUnavailableError('refused on purpose'));
      begun.packageIds.push(...orders.map(({ packageId }) => packageId));
      return Promise.resolve();
    },
  } as unknown as Dependencies);
  const asActivity = <T>(act: () => Promise<T>, runId: string = randomUUID()): Promise<T> =>
    new MockActivityEnvironment({ workflowExecution: { workflowId: 'planner', runId } }).run<
      [],
      T,
      () => Promise<T>
    >(act);
  const planned = async (site: string, runId?: string) =>
    (await asActivity(() => activities.planDeletions({ site }), runId)).map(({ packageId, order }) => ({
      packageId,
      archives: order.archives.map((one) => `${one.site}.${one.location}`),
      targets: order.targets.map((one) => `${one.site}.${one.location}`).sort(),
    }));
  return { activities, asActivity, planned, woken, begun };
}

test('what is archived wakes the planner of a site where something of it can be freed', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    const lab = await laboratory(catalogue);
    const stored = await storedIn(catalogue, at, packageId);
    const answer = await lab.asActivity(() =>
      lab.activities.recordArchived({
        packageId,
        archive: { site: 'cologne', location: 'lta' },
        stored,
      }),
    );
    assert.deepEqual(answer, { deletionAsked: true });
    assert.ok(lab.woken.includes('deletion ccat'), lab.woken.join());
    assert.ok(!lab.woken.includes('deletion cologne'), 'one planner plans all of it');
  }));

test('a package is handed on once, with where it is freed and who answers for it, whichever planner finds it', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const packageIds = await packaged(catalogue, at, [entry('obs-1/a'), entry('obs-2/a')]);
    await arrived(catalogue, at);
    for (const id of packageIds) await archive(catalogue, at, id);
    const { planned } = await laboratory(catalogue);
    const both = (await Promise.all([planned('ccat'), planned('cologne')])).flat();
    assert.deepEqual(
      both.sort((a, b) => a.packageId.localeCompare(b.packageId)),
      [...packageIds].sort().map((packageId) => ({ packageId, archives: ['cologne.lta'], targets: HERE })),
    );
    assert.deepEqual(await planned('ccat'), [], 'it is in the hands of a deletion');
    await dataSource.query(`update package_deletion set not_before = now() - interval '1 second'`);
    assert.equal((await planned('ccat')).length, 2, 'should that have been lost, it is handed on again');
  }));

test('a planner whose worker was killed before its answer was taken is told once more, and no other is', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    await archive(catalogue, at, packageId);
    const { planned, activities, asActivity } = await laboratory(catalogue);
    const told = [{ packageId, archives: ['cologne.lta'], targets: HERE }];
    assert.deepEqual(await planned('ccat', 'first run'), told);
    assert.deepEqual(await planned('ccat', 'first run'), told, 'the answer was lost on its way');
    assert.deepEqual(await planned('ccat', 'second run'), []);
    // A deletion that looks for itself takes the package out of the hands of that run.
    await asActivity(() => activities.deletionOrder({ packageId }));
    assert.deepEqual(await planned('ccat', 'first run'), []);
  }));

test('a planner begins what it tells of; what could not be begun is begun by the next try of the same run, also when it was planned before', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const packageIds = await packaged(catalogue, at, [entry('obs-1/a'), entry('obs-2/a')]);
    await arrived(catalogue, at);
    for (const id of packageIds) await archive(catalogue, at, id);
    const { planned, begun } = await laboratory(catalogue);
    begun.refuse = true;
    await assert.rejects(planned('ccat', 'first run'), ServiceUnavailableError);
    begun.refuse = false;
    assert.deepEqual(await planned('ccat', 'second run'), [], 'they are in the hands of the first');
    assert.equal((await planned('ccat', 'first run')).length, 2);
    assert.deepEqual(begun.packageIds.sort(), [...packageIds].sort());
  }));

test('a deletion does what its planner found, and looks for itself when that is some time ago', () =>
  withTemporal(async (lab) => {
    const calls: string[] = [];
    const archives = [{ site: 'cologne', location: 'lta' }];
    const targetAt = (location: string) => ({ archives, targets: [{ site: 'ccat', location }] });
    let fails = false;
    const challenges = {
      challengeArchiveCopy: () => {
        calls.push('challengeArchiveCopy');
        return fails ? Promise.reject(new ConfigurationError('no key')) : Promise.resolve();
      },
    };
    const deletions = {
      deleteCopies: ({ place }: { place: { location: string } }) => {
        calls.push(place.location);
        return Promise.resolve({ place: `ccat.${place.location}`, deleted: 1, kept: 0, reasons: [] });
      },
    };
    const catalogue = {
      deletionOrder: () => {
        calls.push('deletionOrder');
        return Promise.resolve(targetAt('chai'));
      },
      reportProblem: () => Promise.resolve(),
      resolveProblem: () => Promise.resolve(),
    };
    const start = () => {
      const packageId = lab.unique('p');
      const journey = deletionJourney({
        packageId,
        name: packageId,
        observation: 'obs 1',
        order: targetAt('buffer'),
      });
      return lab.client.workflow.start(journey.workflowType, {
        workflowId: journey.workflowId,
        taskQueue: WORKFLOW_QUEUE,
        args: [journey.input],
        typedSearchAttributes: journey.typedSearchAttributes,
      });
    };
    await lab.withWorkers(
      {
        [CATALOGUE_QUEUE]: catalogue,
        [taskQueue('cologne', 'lta', 'long_term_archive_transfer')]: challenges,
        [taskQueue('ccat', 'buffer', 'deletion')]: deletions,
        [taskQueue('ccat', 'chai', 'deletion')]: deletions,
      },
      async () => {
        await (await start()).result();
        assert.deepEqual(calls.splice(0), ['challengeArchiveCopy', 'buffer']);

        fails = true;
        const late = await start();
        while (!(await waitingWorkflows(lab.client)).some(({ workflowId }) => workflowId === late.workflowId))
          await new Promise((resolve) => setTimeout(resolve, 100));
        fails = false;
        await decide(lab.client, late.workflowId, { action: 'retry', by: 'night shift' });
        await late.result();
        assert.deepEqual(calls, ['challengeArchiveCopy', 'deletionOrder', 'challengeArchiveCopy', 'chai']);
      },
    );
  }));
