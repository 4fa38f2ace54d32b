import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataSource } from 'typeorm';
import { uniqueId } from '../../src/core/utilities/unique-id.js';
import { arrived, archive, entry, observatory, packaged } from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';

/** As someone would who owns the database and switches its own guards off. */
async function forge(dataSource: DataSource, ...statements: string[]): Promise<void> {
  await dataSource.transaction(async (manager) => {
    await manager.query('set local session_replication_role = replica');
    for (const statement of statements) await manager.query(statement);
  });
}

const SWAP = `with two as (select entry_id, sequence from audit_seal where sequence in (2, 4))
  update audit_seal s set entry_id = (select entry_id from two where sequence <> s.sequence) where sequence in (2, 4)`;

test('entries of many transactions at once are linked into one chain', () =>
  withCatalogue(async ({ catalogue }) => {
    await observatory(catalogue);
    assert.notEqual((await catalogue.auditLog.verify()).unsealed, 0);
    await Promise.all([
      ...Array.from({ length: 20 }, (_, i) =>
        catalogue.reportProblem({
          errorClass: 'StorageError',
          operation: 'deletion',
          subject: `s${i}`,
          message: 'm',
        }),
      ),
      ...Array.from({ length: 5 }, () => catalogue.auditLog.seal()),
    ]);
    const head = await catalogue.auditLog.seal();
    const verdict = await catalogue.auditLog.verify();
    assert.deepEqual(verdict, { checked: head?.sequence, unsealed: 0, head, last: head, faults: [] });
    assert.deepEqual((await catalogue.auditLog.verify({ from: 3, to: 5 })).checked, 3);
    // What was asked for and is not there was not found to be right.
    const beyond = head!.sequence + 10;
    for (const [asked, checked] of [
      [{ from: beyond }, 0],
      [{ from: 3, to: beyond }, head!.sequence - 2],
    ] as const) {
      const short = await catalogue.auditLog.verify(asked);
      assert.deepEqual(
        [short.checked, short.faults.map((one) => [one.kind, one.sequence])],
        [checked, [['cut_off', beyond]]],
      );
    }
  }));

test('the database itself refuses to change what was sealed', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    await observatory(catalogue);
    await catalogue.auditLog.seal();
    for (const statement of [
      'update audit_seal set hash = hash',
      'delete from audit_seal',
      `update audit_entry set action = 'x'`,
    ])
      await assert.rejects(dataSource.query(statement), /never changed/);
  }));

const forgeries: [string, string, string[], string, number | undefined][] = [
  [
    'changed',
    'facts',
    [`update audit_entry set facts = '{}' where id = (select entry_id from audit_seal where sequence = 3)`],
    'changed',
    3,
  ],
  [
    'changed',
    'time',
    [
      `update audit_entry set at = at + interval '1 microsecond' where id = (select entry_id from audit_seal where sequence = 2)`,
    ],
    'changed',
    2,
  ],
  [
    'removed',
    'entry',
    [`delete from audit_entry where id = (select entry_id from audit_seal where sequence = 3)`],
    'removed',
    3,
  ],
  [
    'removed',
    'entry and seal',
    [
      `delete from audit_entry where id = (select entry_id from audit_seal where sequence = 3)`,
      `delete from audit_seal where sequence = 3`,
    ],
    'gap',
    4,
  ],
  [
    'renumbered',
    'seal',
    [
      `delete from audit_entry where id = (select entry_id from audit_seal where sequence = 3)`,
      `delete from audit_seal where sequence = 3`,
      `update audit_seal set sequence = sequence - 1 where sequence > 3`,
    ],
    'broken_link',
    3,
  ],
  [
    'put in',
    'entry',
    [
      `insert into audit_entry (id, action, subject_type, subject_id, facts)
       values ('00000000-0000-4000-8000-000000000001', 'forged', 'site', '00000000-0000-4000-8000-000000000002', '{}')`,
    ],
    'not_sealed',
    undefined,
  ],
];
for (const [how, what, statements, kind, sequence] of forgeries) {
  test(`an audit log with its ${what} ${how} is found out, and the place named`, () =>
    withCatalogue(async ({ catalogue, dataSource }) => {
      await observatory(catalogue);
      await catalogue.auditLog.seal();
      await forge(dataSource, ...statements);
      const { faults } = await catalogue.auditLog.verify();
      assert.equal(faults[0]?.kind, kind);
      assert.equal(faults[0].sequence, sequence);
    }));
}

test('two entries that changed places are found out', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    await observatory(catalogue);
    await catalogue.auditLog.seal();
    await forge(dataSource, 'alter table audit_seal drop constraint audit_seal_entry_id_key', SWAP);
    const { faults } = await catalogue.auditLog.verify();
    assert.deepEqual(
      faults.map((one) => [one.kind, one.sequence]),
      [
        ['changed', 2],
        ['changed', 4],
      ],
    );
  }));

test('a log whose end was cut off looks whole, but not to who kept an anchor', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    await observatory(catalogue);
    const anchor = await catalogue.auditLog.seal();
    assert.ok(anchor);
    await forge(
      dataSource,
      `delete from audit_entry where id = (select entry_id from audit_seal order by sequence desc limit 1)`,
      `delete from audit_seal where sequence = ${anchor.sequence}`,
    );
    assert.deepEqual((await catalogue.auditLog.verify()).faults, []);
    const { faults } = await catalogue.auditLog.verify({ anchors: [anchor] });
    assert.deepEqual(
      faults.map((one) => [one.kind, one.sequence]),
      [['cut_off', anchor.sequence]],
    );
  }));

test('a check goes on behind the end of the one before, and finds what was done to that end and since', () =>
  withCatalogue(async ({ catalogue, dataSource }) => {
    await observatory(catalogue);
    await catalogue.auditLog.seal();
    const { last: since } = await catalogue.auditLog.verify();
    assert.ok(since);
    assert.deepEqual(await catalogue.auditLog.verify({ since }), {
      ...(await catalogue.auditLog.verify()),
      checked: 0,
    });
    const problem = { errorClass: 'StorageError', operation: 'deletion', subject: 's', message: 'm' };
    const found = async () =>
      (await catalogue.auditLog.verify({ since })).faults.map((one) => [one.kind, one.sequence]);
    const at = await observatory(catalogue);
    await packaged(catalogue, at, [entry('obs-1/a')]);
    await catalogue.reportProblem(problem);
    const head = await catalogue.auditLog.seal();
    const { checked, last, faults } = await catalogue.auditLog.verify({ since });
    assert.deepEqual([checked, last, faults], [head!.sequence - since.sequence, head, []]);
    assert.ok(checked > 0);

    await dataSource.query(
      `insert into audit_entry (id, action, subject_type, subject_id, facts) values ($1, 'forged', 'site', $1, '{}')`,
      [uniqueId()],
    );
    await dataSource.query('delete from audit_unsealed');
    assert.deepEqual(await found(), [['not_sealed', undefined]]);
    const next = since.sequence + 1;
    await forge(
      dataSource,
      `update audit_entry set facts = '{}' where id = (select entry_id from audit_seal where sequence = ${next})`,
    );
    assert.deepEqual((await found())[0], ['changed', next]);
    await forge(
      dataSource,
      `update audit_seal set hash = repeat('0', 64) where sequence = ${since.sequence}`,
    );
    assert.ok((await found()).some(([kind]) => kind === 'anchor_differs'));
    await forge(dataSource, `delete from audit_seal where sequence >= ${since.sequence}`);
    assert.deepEqual((await found())[0], ['cut_off', since.sequence]);
  }));

test('what was done to a package and its copies is told by its name', () =>
  withCatalogue(async ({ catalogue }) => {
    const at = await observatory(catalogue);
    const [packageId = ''] = await packaged(catalogue, at, [entry('obs-1/a')]);
    await arrived(catalogue, at);
    await archive(catalogue, at, packageId);
    const { name } = await catalogue.packageSummary(packageId);
    const [copy] = await catalogue.copiesOfPackage(packageId);
    await catalogue.recordVerified(copy!.id, new Date().toISOString());
    const actions = (await catalogue.auditLog.about(name)).map((one) => one.action);
    assert.ok(actions.includes('package_archived') && actions.includes('copy_verified'), actions.join());
    assert.deepEqual(
      (await catalogue.auditLog.about(copy!.id)).map((one) => one.action),
      ['copy_verified'],
    );
  }));
