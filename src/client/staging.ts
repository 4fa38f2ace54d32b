import { setTimeout as sleep } from 'node:timers/promises';
import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
} from '@temporalio/client';
import type { Catalogue } from '../core/database/catalogue.js';
import type { StagingItem } from '../core/database/catalogue/staging-items.js';
import type { StagingJob } from '../core/database/catalogue/staging-jobs.js';
import type { StagingPlan } from '../core/database/catalogue/staging-planning.js';
import { ConfigurationError } from '../core/exceptions.js';
import { parseStagingRequest, type StagingRequest } from '../core/policy/staging-request.js';
import { WORKFLOW_QUEUE } from '../core/queue-discovery.js';
import { SettingsManager } from '../core/settings-manager.js';
import { stagedLayout } from '../core/staging/layout.js';
import { stagingLimits } from '../core/staging/staging-settings.js';
import { printable } from '../core/utilities/printable.js';
import { uniqueId } from '../core/utilities/unique-id.js';
import { waitingWorkflows } from './operator.js';
import { stagingJourney } from '../workflows/journeys.js';
import { extendStaging, releaseStaging } from '../workflows/messages.js';

export interface RequestedStaging {
  jobId: string;
  workflowId: string;
  /** Where the files will be. */
  folder: string;
  plan: StagingPlan;
}

/** What became of a job: `ready` where its files are there. */
export interface StagingOutcome {
  state: StagingJob['state'] | 'requested';
  /** Why it waits for an operator, where it does. */
  waitsFor?: string;
}

/** Between two looks whether a job is ready, in milliseconds. */
const LOOK_EVERY = 1000;

/**
 * Asks for files at a processing location, and returns when the job is under way.
 *
 * @throws ConfigurationError that tells what is wrong with the request, unknown, not archived or too much; nothing is started then
 */
export async function requestStaging(
  client: Client,
  catalogue: Catalogue,
  given: unknown,
): Promise<RequestedStaging> {
  const { request, plan } = await checkStaging(catalogue, given);
  const jobId = uniqueId();
  const { workflowType, workflowId, input, typedSearchAttributes, staticSummary } = stagingJourney(
    jobId,
    request,
  );
  await client.workflow.start(workflowType, {
    workflowId,
    taskQueue: WORKFLOW_QUEUE,
    args: [input],
    typedSearchAttributes,
    staticSummary,
  });
  return { jobId, workflowId, folder: stagedLayout.jobFolder(plan.location.path ?? '', jobId), plan };
}

/** A job with its packages. */
export type ShownJob = Omit<StagingJob, 'packages'> & {
  /** Where its files are while it is ready. */
  folder: string;
  packages: StagingItem[];
};

/** Tells what a job has. Errors as of {@link stagingJob}. */
export async function showJob(catalogue: Catalogue, word: string): Promise<ShownJob> {
  const job = await stagingJob(catalogue, word);
  const [site = '', name = ''] = job.destination.split('.');
  const { path = '' } = await catalogue.location(site, name);
  const folder = stagedLayout.jobFolder(path, job.id);
  return { ...job, folder, packages: await catalogue.staging.items(job.id) };
}

/** What a request would come to; nothing is started. Errors as of {@link requestStaging}. */
export async function checkStaging(
  catalogue: Catalogue,
  given: unknown,
): Promise<{ request: StagingRequest; plan: StagingPlan }> {
  const request = parseStagingRequest(given);
  const limits = await stagingLimits(new SettingsManager(catalogue.settings), request.destination);
  return { request, plan: await catalogue.staging.resolve(request, limits) };
}

/** Waits until a job's files are there, it is over, or it waits for an operator. */
export async function waitForStaging(
  client: Client,
  catalogue: Catalogue,
  jobId: string,
): Promise<StagingOutcome> {
  for (;;) {
    // The job's row comes a moment after its workflow has begun.
    const job = await catalogue.staging.job(jobId);
    const state = job?.state ?? 'requested';
    if (!['requested', 'active'].includes(state)) return { state };
    const waiting = (await waitingWorkflows(client)).find((one) => one.workflowId === job?.workflowId);
    if (waiting !== undefined) return { state, waitsFor: waiting.reason ?? '' };
    await sleep(LOOK_EVERY);
  }
}

/**
 * A job by its ID, the beginning of one, or the ID of its workflow.
 *
 * @throws ConfigurationError where there is no one job of that name
 */
export async function stagingJob(catalogue: Catalogue, word: string): Promise<StagingJob> {
  const job = await catalogue.staging.job(word);
  if (job !== undefined) return job;
  throw new ConfigurationError(`there is no one staging job ${printable(word)}`, {
    subject: word,
    advice: '`cdt stage list --all` lists them; the beginning of an ID serves where it is of one alone.',
  });
}

/**
 * Ends a job: its folder is taken away, and its copies go when no other job needs them.
 *
 * @throws ConfigurationError when it is over already
 */
export async function releaseJob(
  client: Client,
  workflowId: string,
  word: { by: string; note?: string },
): Promise<void> {
  await tell(workflowId, () =>
    client.workflow.getHandle(workflowId).executeUpdate(releaseStaging, { args: [word] }),
  );
}

/**
 * Keeps a job's files for so long from now, such as `7d`; returns until when, ISO 8601.
 *
 * @throws ConfigurationError when it is over already, or longer than is allowed
 */
export async function extendJob(
  client: Client,
  workflowId: string,
  word: { keepFor: string; by: string },
): Promise<string> {
  return tell(workflowId, () =>
    client.workflow.getHandle(workflowId).executeUpdate(extendStaging, { args: [word] }),
  );
}

const SCHEDULE_PREFIX = 'stage/';

/** Whether an ID is that of a schedule which {@link scheduleStaging} made. */
export function isStagingScheduleId(id: string): boolean {
  return id.startsWith(SCHEDULE_PREFIX);
}

/**
 * Has a request made again and again: a Temporal Schedule of the ID `stage/<name>`, which the Temporal UI shows, pauses and triggers. One of
 * this name that is there already is changed.
 *
 * @param cron minute, hour, day, month, weekday (UTC), such as `0 6 * * *`
 */
export async function scheduleStaging(
  client: Client,
  name: string,
  cron: string,
  given: unknown,
): Promise<string> {
  const request = parseStagingRequest(given);
  const scheduleId = `${SCHEDULE_PREFIX}${name}`;
  const { workflowType, typedSearchAttributes } = stagingJourney('', request);
  const spec = { cronExpressions: [cron] };
  // Jobs live for days: one that still has its files must not keep the next from beginning.
  const policies = { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '1 day' };
  const action = {
    type: 'startWorkflow' as const,
    workflowType,
    workflowId: `staging-job/${name}`,
    args: [request],
    taskQueue: WORKFLOW_QUEUE,
    typedSearchAttributes,
  };
  try {
    await client.schedule.create({ scheduleId, spec, action, policies });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(scheduleId).update((before) => ({ ...before, spec, action, policies }));
  }
  return scheduleId;
}

async function tell<T>(workflowId: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) throw over(workflowId, innermost(error), error);
    if (error instanceof WorkflowNotFoundError) throw over(workflowId, 'this staging job is over', error);
    throw error;
  }
}

function innermost(error: Error): string {
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
}

function over(workflowId: string, message: string, cause: unknown): ConfigurationError {
  return new ConfigurationError(`${workflowId}: ${message}`, {
    operation: 'staging',
    subject: workflowId,
    advice: '`cdt stage list` lists the jobs that are open.',
    cause,
  });
}
