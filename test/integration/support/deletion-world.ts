import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import type { DataSource } from 'typeorm';
import type { makeDeletionActivities } from '../../../src/activities/deletion.js';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { DeletionAnswer } from '../../../src/core/database/catalogue/deletion-begin.js';
import type { PhysicalCopy } from '../../../src/core/database/records.js';
import { CCATDataOperationError } from '../../../src/core/exceptions.js';
import { Metrics } from '../../../src/core/metrics.js';
import type { DeletionEvent, Meanwhile, PlaceName, Run } from './deletion-events.js';
import { around } from './around.js';
import {
  archive,
  arrived,
  entry,
  placesOf,
  planPackages,
  QUIET_SECONDS,
  resultOf,
  topology,
  type Observatory,
} from './catalogue-fixture.js';
import { AT_ONCE, rulesEverywhere } from './deletion-fixture.js';

/** The parts of the system that are tried: as they are, or with a mistake in them. */
export interface System {
  catalogue: Catalogue;
  dataSource: DataSource;
  makeDeletionActivities: typeof makeDeletionActivities;
  /** Where the disks are. */
  disks: string;
}

/** A worker that is killed at this point does nothing more. */
class Killed extends Error {}

/** That workers are killed is no news here. */
const QUIET = new DefaultLogger('ERROR', () => undefined);
const LTAS = `select id from data_location where location_type = 'long_term_archive'`;

let packages = 0;

/**
 * One package with real files at its source and in two buffers, the real activities and catalogue that delete them, and beside them
 * what only the test knows: which archived objects really are what they were, and what was promised.
 */
export class World {
  /** Deletions that were begun. */
  begun = 0;
  private required = 1;
  private held = false;
  /** Archived objects that are not any more what they were. */
  private readonly rotten = new Set<string>();
  /** Files on disks that are not what was packaged. */
  private readonly altered = new Set<string>();
  private readonly files: Record<PlaceName, string>;

  private constructor(
    private readonly system: System,
    private readonly at: Observatory,
    private readonly packageId: string,
    private readonly content: Buffer,
    names: { file: string; tar: string },
  ) {
    this.files = {
      chai: join(at.source.path!, names.file),
      buffer: join(at.buffer.path!, names.tar),
      arrival: join(at.arrival.path!, names.tar),
    };
  }

  /** A package that is archived once, everything else of it still there. */
  static async make(system: System): Promise<World> {
    const { catalogue, dataSource, disks } = system;
    const described = topology();
    const locations = described.locations.map((one) =>
      one.path === undefined ? one : { ...one, path: join(disks, one.path) },
    );
    for (const { path } of locations) if (path !== undefined) await mkdir(path, { recursive: true });
    await catalogue.ensureTopology({ ...described, locations });
    const at = await placesOf(catalogue);
    await dataSource.query(
      `update data_location set active = (name <> 'second'), failure_domain = null where id in (${LTAS})`,
    );
    const path = `obs-${(packages += 1)}/a`;
    await mkdir(join(at.source.path!, path, '..'), { recursive: true });
    await writeFile(join(at.source.path!, path), path);
    const { size, mtimeNs, ctimeNs } = await lstat(join(at.source.path!, path), { bigint: true });
    const found = { size: Number(size), mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
    await catalogue.registerEntries(at.source.id, [entry(path, found)], QUIET_SECONDS);
    const [planned] = await planPackages(catalogue, at);
    assert.ok(planned !== undefined);
    const content = Buffer.from(`the tar of ${planned.name}`);
    const sha256 = digest(content);
    const made = { ...(await resultOf(catalogue, planned.id)), bytes: content.length, sha256 };
    await catalogue.recordPackageCreated(planned.id, made);
    await arrived(catalogue, at);
    await archive(catalogue, at, planned.id);
    const world = new World(system, at, planned.id, content, { file: path, tar: `${planned.name}.tar` });
    await writeFile(world.files.buffer, content);
    await writeFile(world.files.arrival, content);
    return world;
  }

  async happen(event: DeletionEvent): Promise<void> {
    await (typeof event === 'string' ? this.simple(event) : this.run(event));
    for (const file of this.altered)
      assert.ok(existsSync(file), `${file} differed from the archive and is gone`);
    for (const { state } of await this.archived()) assert.equal(state, 'present');
  }

  private async simple(event: Exclude<DeletionEvent, Run>): Promise<void> {
    const { catalogue } = this.system;
    switch (event) {
      case 'second archive':
        return this.secondArchive();
      case 'same domain':
      case 'other domain':
        return this.sql(
          `update data_location set failure_domain = ${event === 'same domain' ? `'vault'` : 'id::text'} where id in (${LTAS})`,
        );
      case 'rots': {
        const [first] = await this.archived();
        this.rotten.add(first!.id);
        // What happens in silence is found by the next challenge, and what the last one found is not believed for ever.
        return this.hoursPass(2);
      }
      case 'put back':
        this.rotten.clear();
        return;
      case 'days pass':
        await this.hoursPass(48);
        return this.sql(
          `update physical_copy set verified_at = verified_at - interval '2 days' where data_location_id in (${LTAS})`,
        );
      case 'clock ahead':
        return this.sql(
          `update physical_copy set verified_at = now() + interval '1 day' where data_location_id in (${LTAS})`,
        );
      case 'altered':
        if (!existsSync(this.files.arrival)) return;
        await writeFile(this.files.arrival, Buffer.alloc(this.content.length, '?'));
        this.altered.add(this.files.arrival);
        return;
      case 'vanishes':
        return rm(this.files.buffer, { force: true });
      case 'long grace':
        await this.schedule(3600);
        return;
      case 'hold':
      case 'switch off':
      case 'found bad':
        return this.meanwhile(event);
      case 'release':
        this.held = false;
        return this.tried(() => catalogue.deletions.release(this.packageId, 'ada'));
      case 'switch on':
        return this.sql(`update data_location set active = true where id in (${LTAS})`);
      case 'two required':
      case 'one required':
        this.required = event === 'two required' ? 2 : 1;
    }
  }

  /** As the workflow does it: schedule, ask every archive, then delete; or an activity that is given out hours later. */
  private async run(run: Run): Promise<void> {
    await this.schedule(0);
    if (run.asked) await this.ask();
    const once = onlyOnce((what: Meanwhile) => this.meanwhile(what));
    const attempts = Array.from({ length: run.attempts }, () => this.attempt(run, once));
    for (const outcome of await Promise.allSettled(attempts))
      if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async attempt(run: Run, once: (what: Meanwhile) => Promise<void>): Promise<void> {
    const { catalogue } = this.system;
    const { deletions, auditLog } = catalogue;
    const before = async () => {
      if (run.attempts === 1) this.allows(await this.evidence());
      if (run.killed === 'before the record') throw new Killed();
    };
    const watched = around(catalogue, {
      deletions: around(deletions, {
        begin: async (request) => {
          const other = run.when === 'while it begins' ? once(run.meanwhile) : undefined;
          const answer = await this.judged(() => deletions.begin(request)).finally(() => other);
          if (answer.begun) this.begun += 1;
          return answer;
        },
        confirm: (request) => this.judged(() => deletions.confirm(request)),
        recordCopyDeleted: async (id) => {
          await before();
          await deletions.recordCopyDeleted(id);
        },
      }),
      auditLog: around(auditLog, {
        seal: async () => {
          const head = await auditLog.seal();
          if (run.when === 'after the mark') await once(run.meanwhile);
          if (run.killed === 'after the mark') throw new Killed();
          return head;
        },
      }),
      recordSourceFilesDeleted: async (...facts: Parameters<Catalogue['recordSourceFilesDeleted']>) => {
        await before();
        await catalogue.recordSourceFilesDeleted(...facts);
      },
    });
    const dependencies = {
      catalogue: watched,
      settings: { get: (name: string) => Promise.resolve(this.setting(name)) },
      metrics: new Metrics(),
    } as unknown as Dependencies;
    const activities = this.system.makeDeletionActivities(dependencies);
    const { site, name } = { chai: this.at.source, buffer: this.at.buffer, arrival: this.at.arrival }[
      run.place
    ];
    const input = { packageId: this.packageId, place: { site, location: name } };
    await this.tried(() =>
      new MockActivityEnvironment({}, { logger: QUIET }).run(() => activities.deleteCopies(input)),
    );
  }

  /** Judged by what was so before the question, in the plainest words: nothing here becomes better while it is answered. */
  private async judged(look: () => Promise<DeletionAnswer>): Promise<DeletionAnswer> {
    const before = await this.evidence();
    const answer = await look();
    if (answer.begun) this.allows(before);
    return answer;
  }

  private allows(evidence: { domains: number; held: boolean }): void {
    assert.equal(evidence.held, false, 'nothing goes while it is held');
    assert.ok(
      evidence.domains >= this.required,
      `${evidence.domains} good copies, ${this.required} required`,
    );
  }

  /** In how many failure domains an archive has what it should, was asked for it within the hour and read in full within the day. */
  private async evidence(): Promise<{ domains: number; held: boolean }> {
    const { held } = this;
    const good: { id: string; domain: string }[] = await this.system.dataSource.query(
      `select c.id, coalesce(l.failure_domain, l.site_id::text) as domain from physical_copy c
       join data_location l on l.id = c.data_location_id and l.location_type = 'long_term_archive' and l.active
       where c.raw_data_package_id = $1 and c.doubted_at is null
         and c.verified_at between now() - interval '1 day' and now() + interval '5 minutes'
         and exists (select from archive_challenge a where a.physical_copy_id = c.id and a.at > now() - interval '1 hour')`,
      [this.packageId],
    );
    const sound = good.filter(({ id }) => !this.rotten.has(id));
    return { domains: new Set(sound.map(({ domain }) => domain)).size, held };
  }

  /** What others do, at any moment. */
  private async meanwhile(what: Meanwhile): Promise<void> {
    const { catalogue } = this.system;
    switch (what) {
      case 'nothing':
        return;
      case 'hold':
        await catalogue.deletions.hold(this.packageId, 'under study', 'ada');
        this.held = true;
        return;
      case 'switch off':
        return this.sql(`update data_location set active = false where id in (${LTAS}) and name <> 'second'`);
      case 'found bad': {
        const copy = (await this.archived()).at(-1)!;
        await catalogue.deletions.recordDoubt(copy.id, 'it is gone');
        this.rotten.add(copy.id);
      }
    }
  }

  /** Every archive that can be asked answers for its object. */
  private async ask(): Promise<void> {
    const { catalogue } = this.system;
    const range = { offset: 0, bytes: this.content.length, sha256: digest(this.content) };
    for (const { id, location } of await this.archived()) {
      if (!location.active) continue;
      if (this.rotten.has(id)) await catalogue.deletions.recordDoubt(id, 'it is not what it was');
      else {
        await catalogue.recordVerified(id, new Date().toISOString());
        await catalogue.deletions.recordChallenge({ copyId: id, method: 'full', ranges: [range] });
      }
    }
  }

  private async schedule(graceSeconds: number): Promise<void> {
    const rules = await rulesEverywhere(this.system.catalogue, {
      requiredCopies: this.required,
      graceSeconds,
    });
    await this.system.catalogue.deletions.schedule(this.packageId, rules);
  }

  private setting(name: string): unknown {
    if (name === 'deletion.required_copies') return this.required;
    if (name === 'deletion.verification_age_hours') return AT_ONCE.maxVerificationAgeSeconds / 3600;
    if (name === 'deletion.challenge_age_minutes') return AT_ONCE.maxChallengeAgeSeconds / 60;
    return name === 'deletion.only_under_pressure' ? false : 0;
  }

  private async secondArchive(): Promise<void> {
    await this.sql(
      `insert into data_location (id, site_id, name, location_type, storage_type, priority, active, bucket, deletable)
       select gen_random_uuid(), s.id, 'second', 'long_term_archive', 's3', 2, true, 'second', false from site s where s.short_name = 'ccat'
       on conflict (site_id, name) do update set active = true`,
    );
    await this.sql(
      `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
       select gen_random_uuid(), p.id, l.id, 'present', 'second.tar', p.bytes, p.sha256, now(), now()
       from raw_data_package p, data_location l where p.id = '${this.packageId}' and l.name = 'second' on conflict do nothing`,
    );
  }

  /** The log of challenges can't be changed by anybody but the owner of the database, triggers switched off: so time passes. */
  private async hoursPass(hours: number): Promise<void> {
    const runner = this.system.dataSource.createQueryRunner();
    try {
      await runner.startTransaction();
      await runner.query('set local session_replication_role = replica');
      await runner.query(`update archive_challenge set at = at - make_interval(hours => $1)`, [hours]);
      await runner.commitTransaction();
    } finally {
      await runner.release();
    }
  }

  private async archived(): Promise<PhysicalCopy[]> {
    return (await this.system.catalogue.copiesOfPackage(this.packageId)).filter(
      (copy) => copy.location.locationType === 'long_term_archive',
    );
  }

  private async sql(statement: string): Promise<void> {
    await this.system.dataSource.query(statement);
  }

  /** Events come in any order: that one is refused is an answer as well, and a killed worker is what is tried. */
  private async tried(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Killed || isOurs(error))) throw error;
    }
  }
}

/** The classes of a copy of the system are other ones than ours. */
function isOurs(error: unknown): boolean {
  return error instanceof CCATDataOperationError || (error instanceof Error && 'retryable' in error);
}

function onlyOnce<T>(act: (given: T) => Promise<void>): (given: T) => Promise<void> {
  let done: Promise<void> | undefined;
  return (given) => (done ??= act(given));
}

function digest(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
