import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { makeDeletionActivities } from '../../src/activities/deletion.js';
import type * as activities from '../../src/activities/deletion.js';
import { Catalogue } from '../../src/core/database/catalogue.js';
import type * as catalogues from '../../src/core/database/catalogue.js';
import { migrate, openDataSource } from '../../src/core/database/data-source.js';
import type * as dataSources from '../../src/core/database/data-source.js';
import { withMistake, type Mistake } from '../support/mutant.js';
import { withScratch } from '../support/scratch.js';
import { withDatabase } from './support/database.js';
import { PLAIN_RUNS, sequences, type DeletionEvent } from './support/deletion-events.js';
import { World, type System } from './support/deletion-world.js';

/**
 * For no sequence of events, in any order, is the last required verified copy deleted: the catalogue and the activities on a real
 * PostgreSQL and real files, with a world beside them that knows what the archives really hold and what was promised. Workers are
 * killed between the mark, the unlinking and the record; activities run twice; archives rot, are found bad, and are switched off
 * over another connection in the middle.
 */

/** Sequences that are tried; more in a night of its own. */
const RUNS = Number(process.env['DELETION_SEQUENCES'] ?? 15);

/** What the search must find out. */
const MISTAKES: Record<string, Mistake> = {
  'two copies in one failure domain count as two': {
    file: 'core/policy/failure-domains.js',
    instead: ['failureDomainOf(one) === failureDomainOf(other)', 'false'],
  },
  'a challenge counts for ever': {
    file: 'core/policy/archive-evidence.js',
    instead: ['!(age <= rules.maxChallengeAgeSeconds && age >= -CLOCK_TOLERANCE_SECONDS)', 'false'],
  },
  'nobody looks again before the bytes go': {
    file: 'activities/deletion.js',
    instead: ['await catalogue.deletions.confirm(request)', '{ begun: true }'],
  },
};

test('for no sequence of events is the last required verified copy deleted', { timeout: 600_000 }, (t) =>
  withScratch(t, (disks) =>
    withDatabase(async (given) => {
      const url = new URL(given);
      // It need not outlive its server.
      url.searchParams.set('options', '-c synchronous_commit=off');
      const dataSource = await openDataSource(url.href);
      try {
        await migrate(dataSource);
        const asItIs: System = {
          catalogue: new Catalogue(dataSource),
          dataSource,
          makeDeletionActivities,
          disks,
        };
        await t.test('as it is', (own) => holds(own, asItIs));
        for (const [words, mistake] of Object.entries(MISTAKES))
          await t.test(`the search finds a counter-example where ${words}`, (own) =>
            withMistake(mistake, async (load) => {
              const { openDataSource: open } = await load<typeof dataSources>('core/database/data-source.js');
              const { Catalogue: Wrong } = await load<typeof catalogues>('core/database/catalogue.js');
              const make = await load<typeof activities>('activities/deletion.js');
              const ofItsOwn = await open(url.href);
              try {
                await isFoundOut(own, {
                  ...make,
                  catalogue: new Wrong(ofItsOwn),
                  dataSource: ofItsOwn,
                  disks,
                });
              } finally {
                await ofItsOwn.destroy();
              }
            }),
          );
      } finally {
        await dataSource.destroy();
      }
    }),
  ),
);

async function holds(t: TestContext, system: System): Promise<void> {
  assert.equal(await begunIn(system, PLAIN_RUNS), 3, 'the events can lead to deletions');
  let begun = 0;
  await fc.assert(
    fc.asyncProperty(sequences, async (events) => {
      begun += await begunIn(system, events);
    }),
    { numRuns: RUNS },
  );
  t.diagnostic(`${begun} deletions were begun`);
  assert.ok(begun > 0, 'some of the sequences delete something');
  await system.catalogue.auditLog.seal();
  assert.deepEqual((await system.catalogue.auditLog.verify()).faults, []);
}

async function isFoundOut(t: TestContext, system: System): Promise<void> {
  const property = fc.asyncProperty(sequences, async (events) => {
    await begunIn(system, events);
  });
  const found = await fc.check(property, { numRuns: 300, endOnFailure: true });
  assert.ok(found.failed, 'the search finds it');
  assert.match(String(found.errorInstance), /good copies, \d required|held/);
  t.diagnostic(`after ${found.numRuns} sequences: ${JSON.stringify(found.counterexample)}`);
}

/** How many deletions were begun while these events happened to a new package. */
async function begunIn(system: System, events: DeletionEvent[]): Promise<number> {
  const world = await World.make(system);
  for (const event of events) await world.happen(event);
  return world.begun;
}
