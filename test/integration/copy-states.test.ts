import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataSource, QueryRunner } from 'typeorm';
import {
  ARCHIVE_COPY_STATES,
  COPY_STATES,
  COPY_TRANSITIONS,
  type PhysicalCopyState,
} from '../../src/core/states.js';
import { archive, arrived, entry, observatory, packaged } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

const PAIRS = COPY_STATES.flatMap((from) =>
  COPY_STATES.filter((to) => to !== from).map((to): [PhysicalCopyState, PhysicalCopyState] => [from, to]),
);

/** What else a row must say in a state, so that only the step itself can be refused. */
const FITTING = `delete_after = case $2::text when 'deletion_scheduled' then now() end,
  deleted_at = case $2::text when 'deleted' then now() end, verified_at = case $2::text when 'damaged' then null else now() end`;

test('the database has the table of steps that the code has', () =>
  withCatalogue(async ({ dataSource }) => {
    const found: { from: PhysicalCopyState; to: PhysicalCopyState }[] = await dataSource.query(
      'select from_state as "from", to_state as "to" from physical_copy_transition',
    );
    const known = PAIRS.filter(([from, to]) => COPY_TRANSITIONS[from].includes(to));
    assert.deepEqual(found.map(({ from, to }) => `${from} -> ${to}`).sort(), known.map(arrow).sort());
  }));

test('of all steps from state to state, at a buffer and in an archive, the database takes those of the table and no other', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    await archive(catalogue, at, packageId);
    const copies = await catalogue.copiesOfPackage(packageId);
    const places = [
      { place: at.buffer, possible: COPY_STATES.filter((state) => state !== 'damaged') },
      { place: at.archive, possible: ARCHIVE_COPY_STATES },
    ];
    for (const { place, possible } of places) {
      const copyId = copies.find(({ location }) => location.id === place.id)!.id;
      for (const [from, to] of PAIRS.filter(([one]) => possible.includes(one))) {
        const allowed = COPY_TRANSITIONS[from].includes(to) && possible.includes(to);
        assert.equal(
          await takes(dataSource, copyId, from, to),
          allowed,
          `${place.name}: ${arrow([from, to])}`,
        );
      }
    }
  }));

test('a copy is never forgotten, and its row never becomes that of another one', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    const at = await observatory(catalogue);
    await packaged(catalogue, at, [entry('obs-1/a')]);
    const stays = /the row of a copy stays/;
    await assert.rejects(dataSource.query('delete from physical_copy'), stays);
    await assert.rejects(dataSource.query('truncate physical_copy cascade'), stays);
    await assert.rejects(
      dataSource.query('update physical_copy set data_location_id = $1', [at.arrival.id]),
      stays,
    );
  }));

function arrow([from, to]: [PhysicalCopyState, PhysicalCopyState]): string {
  return `${from} -> ${to}`;
}

/** Whether the database takes this step; nothing of it is left. */
async function takes(
  dataSource: DataSource,
  copyId: string,
  from: PhysicalCopyState,
  to: PhysicalCopyState,
): Promise<boolean> {
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  try {
    await putInto(runner, copyId, from);
    await runner.query(`update physical_copy set state = $2, ${FITTING} where id = $1`, [copyId, to]);
    return true;
  } catch (error) {
    // Refused by a trigger or a check; anything else is a mistake of this test.
    assert.match(String((error as { code?: unknown }).code), /^23(000|514)$/, String(error));
    return false;
  } finally {
    await runner.rollbackTransaction();
    await runner.release();
  }
}

/** A copy in a state, whichever way it came there: as nobody can but the owner of the database, triggers switched off. */
async function putInto(runner: QueryRunner, copyId: string, state: PhysicalCopyState): Promise<void> {
  await runner.query('set local session_replication_role = replica');
  await runner.query(`update physical_copy set state = $2, ${FITTING} where id = $1`, [copyId, state]);
  await runner.query('set local session_replication_role = origin');
}
