import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { CCATDataOperationError } from '../../src/core/exceptions.js';
import type { DeletionRules } from '../../src/core/policy/deletion.js';
import {
  archive,
  arrived,
  entry,
  observatory,
  packaged,
  type Observatory,
} from './support/catalogue-fixture.js';
import { withCatalogue } from './support/database.js';
import { AT_ONCE, challenged, rulesEverywhere } from './support/deletion-fixture.js';

/**
 * For no sequence of events, in any order, is the last required verified copy deleted: the catalogue's own methods on a real
 * PostgreSQL, with a model beside them that knows what the stores really hold and what was promised.
 */

type Event =
  | 'archive'
  | 'verify'
  | 'challenge'
  | 'grow old'
  | 'lost'
  | 'hold'
  | 'release'
  | 'schedule'
  | 'long grace'
  | 'begin'
  | 'begin twice'
  | 'delete'
  | 'switch off'
  | 'switch on'
  | 'second store'
  | 'same domain'
  | 'other domain'
  | 'two required'
  | 'one required'
  | 'clock ahead';

const EVENTS: Event[] = [
  'archive',
  'verify',
  'challenge',
  'challenge',
  'grow old',
  'lost',

  'hold',
  'release',
  'schedule',
  'schedule',
  'long grace',
  'begin',
  'begin',
  'begin twice',
  'delete',
  'switch off',
  'switch on',
  'second store',
  'same domain',
  'other domain',
  'two required',
  'one required',
  'clock ahead',
];

class World {
  required = 1;
  held = false;
  /** What the audit log may say: for each beginning, how many archive copies really were good then. */
  begun = 0;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly dataSource: DataSource,
    private readonly at: Observatory,
    private readonly packageId: string,
    private readonly rule: (rules: DeletionRules) => DeletionRules,
  ) {}

  async happen(event: Event): Promise<void> {
    const { catalogue, packageId } = this;
    const rules = this.rule({ ...AT_ONCE, requiredCopies: this.required });
    switch (event) {
      case 'archive':
        return this.tried(() => archive(catalogue, this.at, packageId));
      case 'verify':
        for (const { id } of await this.archived())
          await catalogue.recordVerified(id, new Date().toISOString());
        return;
      case 'challenge':
        return challenged(catalogue, packageId);
      case 'grow old':
        return this.sql(
          `update physical_copy set verified_at = verified_at - interval '2 days' where data_location_id in (${LTAS})`,
        );
      case 'clock ahead':
        return this.sql(
          `update physical_copy set verified_at = now() + interval '1 day' where data_location_id in (${LTAS})`,
        );
      case 'lost':
        for (const { id } of (await this.archived()).slice(0, 1))
          await catalogue.deletions.recordDoubt(id, 'it is gone');
        return;
      case 'hold':
        this.held = true;
        await catalogue.deletions.hold(packageId, 'under study', 'ada');
        return;
      case 'release':
        this.held = false;
        return this.tried(() => catalogue.deletions.release(packageId, 'ada'));
      case 'schedule':
      case 'long grace': {
        const graceSeconds = event === 'schedule' ? 0 : 3600;
        await catalogue.deletions.schedule(
          packageId,
          await rulesEverywhere(catalogue, { ...rules, graceSeconds }),
        );
        return;
      }
      case 'begin':
      case 'begin twice': {
        const targets = [...(await catalogue.copiesOfPackage(packageId)).map(({ id }) => id), packageId];
        for (const targetId of targets) {
          const begin = () => this.tried(() => this.begin(targetId, rules));
          await (event === 'begin' ? begin() : Promise.all([begin(), begin()]));
        }
        return;
      }
      case 'delete':
        for (const { id } of await catalogue.copiesOfPackage(packageId))
          await this.tried(() => catalogue.deletions.recordCopyDeleted(id));
        return;
      case 'switch off':
      case 'switch on':
        return this.sql(
          `update data_location set active = ${event === 'switch on'} where location_type = 'long_term_archive'`,
        );
      case 'second store':
        return this.secondStore();
      case 'same domain':
        return this.sql(
          `update data_location set failure_domain = 'vault' where location_type = 'long_term_archive'`,
        );
      case 'other domain':
        return this.sql(
          `update data_location set failure_domain = id::text where location_type = 'long_term_archive'`,
        );
      case 'two required':
      case 'one required':
        this.required = event === 'two required' ? 2 : 1;
    }
  }

  /** Judged by its own look at the tables, in the plainest words, right after the answer. */
  private async begin(targetId: string, rules: DeletionRules): Promise<void> {
    const answer = await this.catalogue.deletions.begin({ packageId: this.packageId, targetId, rules });
    if (!answer.begun) return;
    this.begun += 1;
    assert.equal(this.held, false, 'nothing goes while it is held');
    const [good] = await this.dataSource.query<{ domains: number }[]>(
      `select count(distinct coalesce(l.failure_domain, l.site_id::text))::integer as domains from physical_copy c
       join data_location l on l.id = c.data_location_id and l.location_type = 'long_term_archive' and l.active
       join raw_data_package p on p.id = c.raw_data_package_id and p.sha256 = c.sha256 and p.bytes = c.bytes
       where c.raw_data_package_id = $1 and c.state = 'present' and c.doubted_at is null
         and c.verified_at between now() - interval '1 day' and now() + interval '5 minutes'
         and exists (select from archive_challenge a where a.physical_copy_id = c.id and a.at > now() - interval '1 hour')`,
      [this.packageId],
    );
    assert.ok(
      (good?.domains ?? 0) >= this.required,
      `${good?.domains} good copies, ${this.required} required`,
    );
  }

  /** Of what the archives have, nothing is ever marked for deletion. */
  async check(): Promise<void> {
    for (const { state } of await this.archived()) assert.equal(state, 'present');
  }

  private async secondStore(): Promise<void> {
    await this.sql(
      `insert into data_location (id, site_id, name, location_type, storage_type, priority, active, bucket, deletable)
       select gen_random_uuid(), s.id, 'lta', 'long_term_archive', 's3', 1, true, 'second', false from site s where s.short_name = 'ccat'
       on conflict do nothing`,
    );
    await this.sql(
      `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
       select gen_random_uuid(), p.id, l.id, 'present', 'second.tar', p.bytes, p.sha256, now(), now()
       from raw_data_package p, data_location l where p.id = '${this.packageId}' and l.bucket = 'second' on conflict do nothing`,
    );
  }

  private async archived() {
    return (await this.catalogue.copiesOfPackage(this.packageId)).filter(
      (copy) => copy.location.locationType === 'long_term_archive',
    );
  }

  private async sql(statement: string): Promise<void> {
    await this.dataSource.query(statement);
  }

  /** Events come in any order: that one is refused is an answer as well. */
  private async tried(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof CCATDataOperationError)) throw error;
    }
  }
}

const LTAS = `select id from data_location where location_type = 'long_term_archive'`;

let units = 0;

async function run(
  lab: { catalogue: Catalogue; dataSource: DataSource },
  events: Event[],
  rule: (rules: DeletionRules) => DeletionRules = (rules) => rules,
): Promise<number> {
  const { catalogue, dataSource } = lab;
  const at = await observatory(catalogue);
  await dataSource.query(`update data_location set active = true, failure_domain = null`);
  const [packageId = ''] = await packaged(catalogue, at, [entry(`obs-${(units += 1)}/a`)]);
  await arrived(catalogue, at);
  const world = new World(catalogue, dataSource, at, packageId, rule);
  for (const event of events) {
    await world.happen(event);
    await world.check();
  }
  return world.begun;
}

const sequence = fc.array(fc.constantFrom(...EVENTS), { minLength: 4, maxLength: 24 });

test('for no sequence of events is the last required verified copy deleted', { timeout: 600_000 }, (t) =>
  withCatalogue(async (lab) => {
    const plain = await run(lab, ['archive', 'schedule', 'challenge', 'begin', 'delete']);
    let begun = 0;
    assert.equal(plain, 3, 'the events can lead to deletions');
    await fc.assert(
      fc.asyncProperty(sequence, async (events) => {
        begun += await run(lab, ['archive', ...events, 'schedule', 'challenge', 'begin']);
      }),
      { numRuns: 60 },
    );
    t.diagnostic(`${begun} deletions were begun`);
    assert.ok(begun > 0, 'some of the sequences delete something');
    assert.deepEqual(
      (await (await lab.catalogue.auditLog.seal(), lab.catalogue.auditLog.verify())).faults,
      [],
    );
  }),
);

test('a rule that is wrong is found out', { timeout: 600_000 }, () =>
  withCatalogue(async (lab) => {
    const wrong: ((rules: DeletionRules) => DeletionRules)[] = [
      (rules) => ({ ...rules, requiredCopies: 1 }),
      (rules) => ({ ...rules, maxVerificationAgeSeconds: 1e9 }),
    ];
    const found: Event[][] = [
      ['two required', 'schedule', 'challenge', 'begin'],
      ['grow old', 'schedule', 'challenge', 'begin'],
    ];
    for (const [i, rule] of wrong.entries()) {
      assert.equal(await run(lab, ['archive', ...found[i]!]), 0, 'the right rule holds');
      await assert.rejects(run(lab, ['archive', ...found[i]!], rule), /good copies/);
    }
  }),
);
