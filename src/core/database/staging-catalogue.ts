import type { StagedFacts } from '../policy/staging.js';
import type { StagingRequest } from '../policy/staging-request.js';
import type { StagingLimits } from '../staging/staging-settings.js';
import * as copies from './catalogue/staged-copies.js';
import * as planning from './catalogue/staging-planning.js';
import * as items from './catalogue/staging-items.js';
import * as jobs from './catalogue/staging-jobs.js';
import type { Transactions } from './transactions.js';

/** Staging jobs, and what lies at processing locations because of them. Throws as {@link Catalogue} does. */
export class StagingCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /**
   * What a request comes to; nothing is written.
   *
   * @throws ConfigurationError that tells what is unknown, not archived or too much
   */
  resolve(request: StagingRequest, limits: StagingLimits): Promise<planning.StagingPlan> {
    return this.transactions.read((manager) => planning.resolveStaging(manager, request, limits));
  }

  /** Writes a job down; one of this ID that is there already is left as it is. */
  create(
    job: { id: string; workflowId: string },
    request: StagingRequest,
    plan: planning.StagingPlan,
  ): Promise<void> {
    return this.transactions.write((manager) => planning.createJob(manager, job, request, plan));
  }

  /** Latest first, at most 1000. */
  jobs(which: { open: boolean }): Promise<jobs.StagingJob[]> {
    return this.transactions.read((manager) => jobs.jobs(manager, which));
  }

  /** By ID, the beginning of one, or the ID of its workflow. */
  job(word: string): Promise<jobs.StagingJob | undefined> {
    return this.transactions.read((manager) => jobs.job(manager, word));
  }

  items(jobId: string): Promise<items.StagingItem[]> {
    return this.transactions.read((manager) => items.items(manager, jobId));
  }

  /**
   * What staging a package needs; begins it.
   *
   * @throws NonRetryableError if the job is over, RetryableError while an earlier copy is being removed
   */
  order(jobId: string, packageId: string): Promise<items.StagingOrder> {
    return this.transactions.write((manager) => items.stagingOrder(manager, jobId, packageId));
  }

  /** The same of a job that may be over; begins nothing. */
  staged(jobId: string, packageId: string): Promise<items.StagingOrder> {
    return this.transactions.read((manager) => items.stagedPackage(manager, jobId, packageId));
  }

  /** To be called when every wanted file was verified in its place; the archive is absent where all were there already. */
  recordStaged(staged: { jobId: string; packageId: string; archiveLocationId?: string }): Promise<void> {
    return this.transactions.write((manager) => items.recordStaged(manager, staged));
  }

  failItems(jobId: string, failed: { packageId: string; reason: string }[]): Promise<void> {
    return this.transactions.write((manager) => items.failItems(manager, jobId, failed));
  }

  /** @returns until when its files are kept, ISO 8601 */
  recordReady(jobId: string): Promise<string> {
    return this.transactions.write((manager) => jobs.recordReady(manager, jobId));
  }

  end(jobId: string, as: 'released' | 'expired' | 'failed', why: string): Promise<void> {
    return this.transactions.write((manager) => jobs.endJob(manager, jobId, as, why));
  }

  /** @throws NonRetryableError if the job is over */
  extend(jobId: string, until: string, by: string): Promise<void> {
    return this.transactions.write((manager) => jobs.extendJob(manager, jobId, until, by));
  }

  unneededCopies(locationId: string, limit: number): Promise<copies.UnneededCopy[]> {
    return this.transactions.read((manager) => copies.unneededCopies(manager, locationId, limit));
  }

  facts(locationId: string, packageId: string): Promise<StagedFacts | undefined> {
    return this.transactions.read((manager) => copies.stagedFacts(manager, locationId, packageId));
  }

  /** @returns whether the copy may be removed now; from then on no job can take it up until it is gone */
  beginCleaning(locationId: string, packageId: string): Promise<boolean> {
    return this.transactions.write((manager) => copies.beginCleaning(manager, locationId, packageId));
  }

  recordCleaned(
    locationId: string,
    packageId: string,
    outcome: { removed: number; kept: number },
  ): Promise<void> {
    return this.transactions.write((manager) =>
      copies.recordCleaned(manager, locationId, packageId, outcome),
    );
  }

  /** Open jobs whose time passed an hour ago: their workflow is gone. */
  forgotten(locationId: string): Promise<{ id: string; workflowId: string }[]> {
    return this.transactions.read((manager) => copies.forgottenJobs(manager, locationId));
  }
}
