import type { EntityManager } from 'typeorm';
import type { Need } from '../../policy/deletion.js';
import type { StagedFacts, StagingNeed } from '../../policy/staging.js';
import { audit } from './audit.js';
import { changed, lock, row, rows } from './sql.js';

/** A copy that no open job needs. */
export interface UnneededCopy {
  packageId: string;
  name: string;
  /** ISO 8601. */
  neededAt: string;
}

/** Copies at a location that no open job needs, those left alone the longest first, at most `limit`; also those half removed. */
export async function unneededCopies(
  manager: EntityManager,
  locationId: string,
  limit: number,
): Promise<UnneededCopy[]> {
  const found = await rows<Omit<UnneededCopy, 'neededAt'> & { neededAt: Date }>(
    manager,
    `select p.id as "packageId", p.name, c.needed_at as "neededAt" from staged_copy c join raw_data_package p on p.id = c.raw_data_package_id
     where c.data_location_id = $1 and not exists (
       select from staging_job_item i join staging_job j on j.id = i.staging_job_id
       where i.raw_data_package_id = c.raw_data_package_id and j.data_location_id = $1 and j.ended_at is null)
     order by c.cleaning_since, c.needed_at, p.id limit $2`,
    [locationId, limit],
  );
  return found.map(({ neededAt, ...one }) => ({ ...one, neededAt: neededAt.toISOString() }));
}

/** Who needs a staged copy, and when it was needed last; undefined where the location has none of this package. */
export async function stagedFacts(
  manager: EntityManager,
  locationId: string,
  packageId: string,
): Promise<StagedFacts | undefined> {
  const copy = await row<{ neededAt: Date }>(
    manager,
    'select needed_at as "neededAt" from staged_copy where data_location_id = $1 and raw_data_package_id = $2',
    [locationId, packageId],
  );
  if (copy === undefined) return undefined;
  const needs = await rows<Omit<StagingNeed, 'expiresAt'> & { expiresAt: Date }>(
    manager,
    `select j.id as "jobId", j.requested_by as "requestedBy", j.state, j.expires_at as "expiresAt"
     from staging_job_item i join staging_job j on j.id = i.staging_job_id
     where i.raw_data_package_id = $2 and j.data_location_id = $1 and j.ended_at is null order by j.created_at`,
    [locationId, packageId],
  );
  return {
    neededAt: copy.neededAt.toISOString(),
    needs: needs.map((one) => ({ ...one, expiresAt: one.expiresAt.toISOString() })),
  };
}

/**
 * Marks a copy as being removed, before its files go; refuses while an open job needs it. A job that comes later waits until it is gone.
 *
 * @returns whether it may be removed now
 */
export async function beginCleaning(
  manager: EntityManager,
  locationId: string,
  packageId: string,
): Promise<boolean> {
  await lock(manager, `staging ${locationId}`);
  const of = [locationId, packageId];
  const begun = await row<{ since: Date | null }>(
    manager,
    `update staged_copy c set cleaning_since = coalesce(c.cleaning_since, now())
     where c.data_location_id = $1 and c.raw_data_package_id = $2 and (c.cleaning_since is not null or not exists (
       select from staging_job_item i join staging_job j on j.id = i.staging_job_id
       where i.raw_data_package_id = $2 and j.data_location_id = $1 and j.ended_at is null))
     returning cleaning_since as since`,
    of,
  );
  if (begun === undefined) return false;
  const states = [
    `state = 'deletion_scheduled', delete_after = now() where state in ('staged', 'present', 'deletion_possible', 'deletion_failed')`,
    `state = 'deletion_in_progress', delete_after = null where state = 'deletion_scheduled'`,
  ];
  for (const to of states)
    await rows(
      manager,
      `update physical_copy set ${to} and data_location_id = $1 and raw_data_package_id = $2`,
      of,
    );
  return true;
}

/** Records that a copy is gone. `kept` counts what was left because it is not ours. */
export async function recordCleaned(
  manager: EntityManager,
  locationId: string,
  packageId: string,
  outcome: { removed: number; kept: number },
): Promise<void> {
  const of = [locationId, packageId];
  const copy = await row<{ id: string }>(
    manager,
    `update physical_copy set state = 'deleted', deleted_at = now()
     where data_location_id = $1 and raw_data_package_id = $2 and state = 'deletion_in_progress' returning id`,
    of,
  );
  if (copy !== undefined)
    await audit(manager, 'copy_deleted', { table: 'physical_copy', id: copy.id }, outcome);
  await changed(
    manager,
    'delete from staged_copy where data_location_id = $1 and raw_data_package_id = $2 and cleaning_since is not null',
    of,
  );
}

/** Open jobs whose time passed long ago: their workflow, which should have ended them, was terminated. */
export async function forgottenJobs(
  manager: EntityManager,
  locationId: string,
): Promise<{ id: string; workflowId: string }[]> {
  return rows(
    manager,
    `select id, workflow_id as "workflowId" from staging_job
     where data_location_id = $1 and ended_at is null and expires_at < now() - interval '1 hour' limit 100`,
    [locationId],
  );
}

/** What open staging jobs need of the packages `$1`. */
export const STAGING_NEEDS = `
  select i.raw_data_package_id as "packageId", j.data_location_id as "locationId", j.id as job, j.requested_by as by,
    j.created_at as since, j.expires_at as until
  from staging_job_item i join staging_job j on j.id = i.staging_job_id
  where i.raw_data_package_id = any($1) and j.ended_at is null order by j.created_at`;

/** Times are texts. */
export interface StagingNeedRow {
  packageId: string;
  locationId: string;
  job: string;
  by: string;
  since: string;
  until: string;
}

export function needInWords({ locationId, job, by, since, until }: StagingNeedRow): Need {
  return {
    locationId,
    words: `the staging job ${job} of ${by} needs it`,
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
  };
}
