import { ConfigurationError } from '../core/exceptions.js';
import type { Place } from '../core/journey-inputs.js';
import { durationSeconds, parseStagingRequest } from '../core/policy/staging-request.js';
import { stagingLimits } from '../core/staging/staging-settings.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy } from './liveness.js';

/** A staging job as its workflow needs it. */
export interface PlannedStaging {
  place: Place;
  priority: number;
  packages: { packageId: string; name: string }[];
  /** Names of observations, the first few. */
  observations: string[];
  /** ISO 8601. */
  expiresAt: string;
}

export type StagingCatalogueActivities = ReturnType<typeof makeStagingCatalogueActivities>;

const MOST_NAMES = 20;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The part of staging that needs the catalogue and nothing else. */
export function makeStagingCatalogueActivities(dependencies: Dependencies) {
  const { catalogue, notifications, settings, wakePlanner } = dependencies;

  return {
    /**
     * Checks a request and writes the job down. A job of this ID that is there already is told again.
     *
     * @throws ConfigurationError that tells what is wrong with the request, unknown, not archived or too much
     */
    async planStaging(input: {
      jobId: string;
      workflowId: string;
      request: unknown;
    }): Promise<PlannedStaging> {
      return whileBusy(async () => {
        const { jobId, workflowId } = input;
        if (!UUID.test(jobId))
          throw new ConfigurationError('jobId: it must be a UUID', { subject: workflowId });
        if ((await catalogue.staging.job(jobId)) === undefined) {
          const request = parseStagingRequest(input.request);
          const limits = await stagingLimits(settings, request.destination);
          const plan = await catalogue.staging.resolve(request, limits);
          await catalogue.staging.create({ id: jobId, workflowId }, request, plan);
        }
        const job = await catalogue.staging.job(jobId);
        if (job === undefined) throw new ConfigurationError(`there is no staging job ${jobId}`);
        const items = await catalogue.staging.items(jobId);
        const [site = '', location = ''] = job.destination.split('.');
        return {
          place: { site, location },
          priority: job.priority,
          packages: items.map(({ packageId, name }) => ({ packageId, name })),
          observations: [...new Set(items.map((one) => one.observation))].slice(0, MOST_NAMES),
          expiresAt: job.expiresAt,
        };
      });
    },

    async recordStaged(input: {
      jobId: string;
      packageId: string;
      archiveLocationId?: string;
    }): Promise<void> {
      await whileBusy(() => catalogue.staging.recordStaged(input));
    },

    /** Gives packages of a job up by an operator's word; returns how many it has all the same. */
    async leaveOutOfStaging(input: {
      jobId: string;
      failed: { packageId: string; reason: string }[];
    }): Promise<number> {
      return whileBusy(async () => {
        await catalogue.staging.failItems(input.jobId, input.failed);
        return (await catalogue.staging.job(input.jobId))?.packagesStaged ?? 0;
      });
    },

    /** Records that the files are there, and tells who asked. Returns until when they stay, ISO 8601. */
    async recordStagingReady(input: { jobId: string; folder: string; files: number }): Promise<string> {
      return whileBusy(async () => {
        const until = await catalogue.staging.recordReady(input.jobId);
        const job = await catalogue.staging.job(input.jobId);
        await notifications.tell({
          level: 'info',
          kind: 'staging_ready',
          subject: input.jobId,
          happened: `${input.files} files for ${job?.requestedBy ?? 'somebody'} are ready in ${input.folder}, until ${until}`,
          workflowId: job?.workflowId,
        });
        return until;
      });
    },

    async endStaging(input: {
      jobId: string;
      place: Place;
      as: 'released' | 'expired' | 'failed';
      why: string;
    }): Promise<void> {
      await whileBusy(async () => {
        await catalogue.staging.end(input.jobId, input.as, input.why);
        await wakePlanner('staging', input.place);
      });
    },

    /**
     * Keeps the files of a job for longer, from now on.
     *
     * @returns until when, ISO 8601
     * @throws ConfigurationError for a time that can't be, NonRetryableError if the job is over
     */
    async extendStaging(input: { jobId: string; keepFor: string; by: string }): Promise<string> {
      return whileBusy(async () => {
        const job = await catalogue.staging.job(input.jobId);
        const { maxKeepSeconds } = await stagingLimits(settings, job?.destination);
        const seconds = durationSeconds(input.keepFor);
        if (seconds > maxKeepSeconds)
          throw new ConfigurationError(`files are kept for ${maxKeepSeconds / 86_400} days at most`, {
            subject: input.jobId,
          });
        const until = new Date(Date.now() + seconds * 1000).toISOString();
        await catalogue.staging.extend(input.jobId, until, input.by);
        return until;
      });
    },

    /** Open jobs whose time passed long ago: the workflow that should have ended them was terminated. */
    async forgottenStaging(input: Place): Promise<string[]> {
      return whileBusy(async () => {
        const location = await catalogue.location(input.site, input.location);
        return (await catalogue.staging.forgotten(location.id)).map(({ id }) => id);
      });
    },
  };
}
