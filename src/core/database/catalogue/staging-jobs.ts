import type { EntityManager } from 'typeorm';
import { NonRetryableError, PermanentError } from '../../exceptions.js';
import type { StagingState } from '../../states.js';
import { audit } from './audit.js';
import { changed, lock, row, rows, withTimes, type Nullable } from './sql.js';

/** A staging job as the catalogue has it. Times are ISO 8601. */
export interface StagingJob {
  id: string;
  workflowId: string;
  /** `site.location` */
  destination: string;
  requestedBy: string;
  reason?: string;
  priority: number;
  state: StagingState;
  packages: number;
  packagesStaged: number;
  files: number;
  bytes: number;
  createdAt: string;
  readyAt?: string;
  expiresAt: string;
  endedAt?: string;
  endedWhy?: string;
}

const JOB = `select j.id, j.workflow_id as "workflowId", s.short_name || '.' || l.name as destination, j.requested_by as "requestedBy",
    j.reason, j.priority, j.state, j.created_at as "createdAt", j.ready_at as "readyAt", j.expires_at as "expiresAt",
    j.ended_at as "endedAt", j.ended_why as "endedWhy", i.packages, i."packagesStaged", i.files, i.bytes
  from staging_job j join data_location l on l.id = j.data_location_id join site s on s.id = l.site_id
  cross join lateral (
    select count(*)::integer as packages, (count(*) filter (where status = 'staged'))::integer as "packagesStaged",
      coalesce(sum(files), 0)::integer as files, coalesce(sum(bytes), 0)::float8 as bytes
    from staging_job_item where staging_job_id = j.id) i`;

/** Jobs, latest first, at most 1000: those that are open, or all. */
export async function jobs(manager: EntityManager, which: { open: boolean }): Promise<StagingJob[]> {
  const found = await rows<JobRow>(
    manager,
    `${JOB} ${which.open ? 'where j.ended_at is null ' : ''}order by j.created_at desc limit 1000`,
  );
  return found.map(toJob);
}

/** The first and the last ID that begin so; null where none can, or too many. */
function idsBeginningWith(word: string): [string | null, string | null] {
  const digits = word.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{8,32}$/.test(digits)) return [null, null];
  return [digits.padEnd(32, '0'), digits.padEnd(32, 'f')];
}

/** The job of this ID or workflow; the beginning of an ID serves where it is of one job alone. */
export async function job(manager: EntityManager, word: string): Promise<StagingJob | undefined> {
  const found = await rows<JobRow>(
    manager,
    `${JOB} where j.workflow_id = $1 or j.id between $2 and $3 limit 2`,
    [word, ...idsBeginningWith(word)],
  );
  const [first, second] = found;
  return first === undefined || second !== undefined ? undefined : toJob(first);
}

/** The files are there: from now on counts the time that they are kept. Returns until when, ISO 8601. */
export async function recordReady(manager: EntityManager, jobId: string): Promise<string> {
  const ready = await changed(
    manager,
    `update staging_job set state = 'ready', ready_at = now(), expires_at = greatest(expires_at, now() + make_interval(secs => keep_seconds))
     where id = $1 and state in ('requested', 'active')`,
    [jobId],
  );
  if (ready > 0) await audit(manager, 'staging_ready', { table: 'staging_job', id: jobId });
  return (await jobRow(manager, jobId)).expiresAt.toISOString();
}

/** Ends a job; one that is over is left as it is. Its copies are needed by it no more. */
export async function endJob(
  manager: EntityManager,
  jobId: string,
  as: 'released' | 'expired' | 'failed',
  why: string,
): Promise<void> {
  const { locationId } = await jobRow(manager, jobId);
  await lock(manager, `staging ${locationId}`);
  const ended = await changed(
    manager,
    `update staging_job set state = $2, ended_at = now(), ended_why = $3 where id = $1 and ended_at is null`,
    [jobId, as, why],
  );
  if (ended === 0) return;
  await rows(
    manager,
    `update staged_copy c set needed_at = now() from staging_job_item i
     where i.staging_job_id = $1 and c.raw_data_package_id = i.raw_data_package_id and c.data_location_id = $2`,
    [jobId, locationId],
  );
  await audit(manager, `staging_${as}`, { table: 'staging_job', id: jobId }, { why });
}

/** Keeps a job's files until a later time. */
export async function extendJob(
  manager: EntityManager,
  jobId: string,
  until: string,
  by: string,
): Promise<void> {
  const extended = await changed(
    manager,
    'update staging_job set expires_at = $2 where id = $1 and ended_at is null',
    [jobId, until],
  );
  if (extended === 0)
    throw new NonRetryableError('this staging job is over', { operation: 'staging', subject: jobId });
  await audit(manager, 'staging_extended', { table: 'staging_job', id: jobId }, { until, by });
}

async function jobRow(
  manager: EntityManager,
  jobId: string,
): Promise<{ locationId: string; expiresAt: Date }> {
  const found = await row<{ locationId: string; expiresAt: Date }>(
    manager,
    'select data_location_id as "locationId", expires_at as "expiresAt" from staging_job where id = $1',
    [jobId],
  );
  if (found !== undefined) return found;
  throw new PermanentError(`the catalogue has no staging job ${jobId}`, { subject: jobId });
}

type Time = 'createdAt' | 'readyAt' | 'expiresAt' | 'endedAt';
type JobRow = Nullable<Omit<StagingJob, Time>> & Record<Time, Date | null>;

function toJob({ createdAt, readyAt, expiresAt, endedAt, ...one }: JobRow): StagingJob {
  return withTimes(one, { createdAt, readyAt, expiresAt, endedAt }) as unknown as StagingJob;
}
