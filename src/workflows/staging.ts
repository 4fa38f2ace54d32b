import { ApplicationFailure } from '@temporalio/common';
import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  setHandler,
  upsertSearchAttributes,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import type { StagedView, StagingActivities } from '../activities/staging.js';
import type { PlannedStaging, StagingCatalogueActivities } from '../activities/staging-catalogue.js';
import type { StagingRequest } from '../core/policy/staging-request.js';
import { describeFailure, Journey } from './journey.js';
import { leftAloneBy } from './left-alone.js';
import { extendStaging, releaseStaging, stagingStatus, type StagingStatus } from './messages.js';
import { CATALOGUE, STAGING_PARALLEL, workAt } from './operations.js';
import { searchAttributes } from './search-attributes.js';

/** What starts a staging job: the request, and the job's ID where a client has made one already. */
export type StagingInput = StagingRequest & { jobId?: string };

export interface StagingOutcome {
  jobId: string;
  state: 'released' | 'expired' | 'failed';
  why: string;
}

const catalogue = proxyActivities<StagingCatalogueActivities>(CATALOGUE);

/**
 * One staging job, from the request to the end of its files: fetches the packages, shows them in a folder of the job's own, keeps them until
 * the job is released or its time has passed, and takes the folder away. The copies go when no job needs them: `stagingPlanning`.
 */
export async function staging(input: StagingInput): Promise<StagingOutcome> {
  const { workflowId } = workflowInfo();
  // The Temporal UI may send anything, also nothing.
  const { jobId = uuid4(), ...request } = (input as StagingInput | undefined) ?? {};
  const journey = new Journey({ operation: 'staging', subject: `staging job ${jobId}` });
  const job = new Stay(jobId);
  const planned = await plan(jobId, workflowId, request);
  job.planned(planned);

  let outcome: StagingOutcome;
  try {
    outcome = await job.untilOver(journey, planned);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    outcome = { jobId, state: 'released', why: 'its workflow was cancelled' };
  }
  // A cancelled workflow tidies up as well.
  return CancellationScope.nonCancellable(async () => {
    const { place } = planned;
    const removed = await journey.step("taking the job's folder away", () =>
      atLocation(planned).removeJobFolder({ jobId, place }),
    );
    const kept = removed.done ? removed.result.kept : 0;
    const why =
      kept > 0 ? `${outcome.why}; ${kept} changed or added files were left in its folder` : outcome.why;
    await catalogue.endStaging({ jobId, place, as: outcome.state, why });
    await condition(allHandlersFinished);
    if (job.givenUp !== undefined) await journey.end(job.givenUp);
    journey.complete(`${outcome.state}: ${why}`);
    return { ...outcome, why };
  });
}

/** A wrong request is told at once, to whoever made it; there is nothing for an operator to decide. */
async function plan(jobId: string, workflowId: string, request: unknown): Promise<PlannedStaging> {
  try {
    return await catalogue.planStaging({ jobId, workflowId, request });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { errorClass, message, advice } = describeFailure('planning', error);
    throw ApplicationFailure.nonRetryable(
      advice === undefined ? message : `${message}. ${advice}`,
      errorClass,
    );
  }
}

/** What a job is told from outside, and how far it is. */
class Stay {
  givenUp: Parameters<Journey['end']>[0] | undefined;
  private status: StagingStatus;
  private release: { by: string; note?: string } | undefined;
  private expiresAt = 0;

  constructor(private readonly jobId: string) {
    this.status = { jobId, state: 'requested', packages: 0, staged: 0 };
    setHandler(stagingStatus, () => this.status);
    setHandler(
      releaseStaging,
      (word) => {
        this.release = word;
        return `staging job ${jobId} is released`;
      },
      { validator: (word: { by: string } | undefined) => this.mustBeOpen(word) },
    );
    setHandler(
      extendStaging,
      async ({ keepFor, by }) => {
        const until = await catalogue.extendStaging({ jobId, keepFor, by });
        this.keepUntil(until);
        return until;
      },
      {
        validator: (word: { by: string } | undefined) => {
          this.mustBeOpen(word);
          if (this.status.state === 'requested')
            throw ApplicationFailure.nonRetryable('it is not known yet what this job wants', 'NotYet');
        },
      },
    );
  }

  planned({ place, packages, observations, expiresAt }: PlannedStaging): void {
    this.status = { ...this.status, state: 'active', packages: packages.length };
    this.keepUntil(expiresAt);
    const names = packages.slice(0, 20).map(({ name }) => name);
    upsertSearchAttributes(
      searchAttributes({ site: place.site, operation: 'staging', observations, packages: names }),
    );
  }

  /** Fetches and shows the files, and waits until they are needed no more. */
  async untilOver(journey: Journey, planned: PlannedStaging): Promise<StagingOutcome> {
    const scope = new CancellationScope();
    const prepared = scope.run(() => this.prepare(journey, planned));
    const failed = await Promise.race([prepared, this.released()]);
    const early = this.word();
    if (early !== undefined) {
      scope.cancel();
      await prepared.catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
      return this.over('released', inWords('released', early));
    }
    if (failed !== undefined) return this.over('failed', failed);
    while (this.word() === undefined && Date.now() < this.expiresAt) {
      const { expiresAt } = this;
      await condition(
        () => this.release !== undefined || this.expiresAt !== expiresAt,
        expiresAt - Date.now(),
      );
    }
    const word = this.word();
    if (word === undefined) return this.over('expired', 'its time has passed');
    return this.over('released', inWords('released', word));
  }

  /** Returns why the job failed; nothing where its files are there. */
  private async prepare(journey: Journey, planned: PlannedStaging): Promise<string | undefined> {
    const { jobId } = this;
    const { place, packages } = planned;
    const left = new Map(packages.map((one) => [one.packageId, one]));
    let failures: Failure[] = [];
    const fetched = await journey.step(
      `fetching ${packages.length} packages to ${place.site}.${place.location}`,
      async ({ asked }) => {
        failures = await this.fetchAll(planned, left, asked);
        if (failures.length > 0) throw unfetched(failures);
      },
    );
    if (!fetched.done) {
      const { action, by } = fetched.decision;
      if (action === 'abandon') this.givenUp = fetched.decision;
      const failed = [...left.values()].map(({ packageId }) => ({
        packageId,
        reason: failures.find((one) => one.packageId === packageId)?.message ?? 'not fetched',
      }));
      const staged = await catalogue.leaveOutOfStaging({ jobId, failed });
      if (action === 'abandon') return inWords('abandoned', fetched.decision);
      if (staged === 0) return `no package could be fetched; skipped by ${by}`;
    }
    const shown = await journey.step<StagedView>("making the job's folder", () =>
      atLocation(planned).buildJobFolder({ jobId, place }),
    );
    if (!shown.done) {
      if (shown.decision.action === 'abandon') this.givenUp = shown.decision;
      return inWords(shown.decision.action === 'abandon' ? 'abandoned' : 'skipped', shown.decision);
    }
    const { folder, files } = shown.result;
    this.keepUntil(await catalogue.recordStagingReady({ jobId, folder, files }));
    this.status = { ...this.status, state: 'ready', folder };
    journey.tell(`${files} files are ready in \`${folder}\``);
    return undefined;
  }

  /** Fetches what is left, a few packages at a time; returns those that can't be had. */
  private async fetchAll(
    planned: PlannedStaging,
    left: Map<string, { packageId: string; name: string }>,
    asked: boolean,
  ) {
    const waiting = [...left.values()];
    const failures: Failure[] = [];
    const { fetchPackage } = atLocation(planned);
    const work = async () => {
      for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
        const { packageId, name } = one;
        try {
          const { archiveLocationId } = await fetchPackage({ jobId: this.jobId, packageId, asked });
          await catalogue.recordStaged({ jobId: this.jobId, packageId, archiveLocationId });
          left.delete(packageId);
          this.status = { ...this.status, staged: this.status.staged + 1 };
        } catch (error) {
          if (isCancellation(error)) throw error;
          failures.push({ packageId, name, error, ...describeFailure(`fetching ${name}`, error) });
        }
      }
    };
    await Promise.all(Array.from({ length: STAGING_PARALLEL }, work));
    return failures;
  }

  /** The word of release, which comes from outside at any time. */
  private word(): { by: string; note?: string } | undefined {
    return this.release;
  }

  private async released(): Promise<undefined> {
    await condition(() => this.release !== undefined);
  }

  private keepUntil(time: string): void {
    this.expiresAt = Date.parse(time);
    this.status = { ...this.status, expiresAt: time };
  }

  private over(state: StagingOutcome['state'], why: string): StagingOutcome {
    this.status = { ...this.status, state };
    return { jobId: this.jobId, state, why };
  }

  private mustBeOpen(word: { by: string } | undefined): void {
    if (typeof word?.by !== 'string' || word.by === '')
      throw ApplicationFailure.nonRetryable('"by" must say who asks', 'BadWord');
    if (this.release !== undefined || ['released', 'expired', 'failed'].includes(this.status.state))
      throw ApplicationFailure.nonRetryable('this staging job is over', 'Over');
  }
}

interface Failure {
  packageId: string;
  name: string;
  errorClass: string;
  message: string;
  error: unknown;
}

function atLocation({ place, priority }: PlannedStaging) {
  return proxyActivities<StagingActivities>({
    ...workAt('staging', place),
    priority: { priorityKey: priority },
  });
}

/** What the step fails with: while all that is left waits for stores that are left alone, with that, so that nobody is asked. */
function unfetched(failures: Failure[]): unknown {
  const [first, ...others] = failures;
  const alone = failures.filter(({ error }) => leftAloneBy(error) !== undefined);
  if (alone.length === failures.length && first !== undefined)
    return others.reduce((soonest, one) => (untilOf(one) < untilOf(soonest) ? one : soonest), first).error;
  return ApplicationFailure.create({
    type: failures[0]?.errorClass,
    message: failures
      .slice(0, 10)
      .map(({ name, message }) => `${name}: ${message}`)
      .join('; '),
    nonRetryable: true,
    details: [
      {
        advice: `${failures.length} packages could not be fetched. retry tries them again, skip goes on without them, abandon gives the job up.`,
      },
    ],
  });
}

function untilOf({ error }: Failure): string {
  return leftAloneBy(error)?.until ?? '';
}

function inWords(what: string, word: { by: string; note?: string }): string {
  return `${what} by ${word.by}${word.note === undefined ? '' : `: ${word.note}`}`;
}
