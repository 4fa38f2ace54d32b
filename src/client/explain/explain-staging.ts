import type { StagingJob } from '../../core/database/catalogue/staging-jobs.js';
import { nextOfWork, whyWorkWaits } from '../../core/policy/explanation.js';
import { isOpen } from '../../core/policy/staging.js';
import { askTemporal, type Explanation, type Sources, type Standing } from './explanation.js';
import { workNow, type WorkNow } from './work.js';

/** Explains a staging job: how far it is, what it waits for, and what becomes of its files. */
export async function explainStaging(sources: Sources, job: StagingJob): Promise<Explanation> {
  const asked = await askTemporal(sources, async (client) => {
    const work = await workNow(client, job.workflowId);
    return { work: work === undefined ? [] : [work], ...standing(job, work) };
  });
  return {
    kind: 'staging job',
    id: job.id,
    name: job.id,
    observation: '',
    state: `${job.state}, ${job.packagesStaged} of ${job.packages} packages at ${job.destination}, asked for by ${job.requestedBy}`,
    copies: [],
    work: [],
    ...asked,
  };
}

function standing(job: StagingJob, work: WorkNow | undefined): Standing {
  if (!isOpen(job.state)) {
    const words = `it is over: ${job.endedWhy ?? job.state}`;
    return { waiting: { for: 'nothing', words, since: job.endedAt } };
  }
  const expires = { words: 'its files are taken away, unless it is extended', at: job.expiresAt };
  if (work?.status !== 'running') {
    const words = 'its workflow is gone: nothing goes on with it';
    const advice = 'ask for the files anew; what this job has is taken away an hour after its time';
    return { waiting: { for: 'unknown', words, since: job.createdAt, advice }, next: expires };
  }
  if (job.state === 'ready' && work.activities.length === 0 && work.blocker === undefined) {
    const words = 'its files are there, until it is released or its time has passed';
    return { waiting: { for: 'nothing', words, since: job.readyAt }, next: expires };
  }
  return { waiting: whyWorkWaits(work), next: nextOfWork(work) };
}
