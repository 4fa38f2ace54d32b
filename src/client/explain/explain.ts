import type { Client } from '@temporalio/client';
import { nextOfWork, whyWorkWaits } from '../../core/policy/explanation.js';
import { CDT_OBSERVATION, CDT_PACKAGE } from '../../workflows/search-attributes.js';
import { explainFile } from './explain-file.js';
import { explainPackage } from './explain-package.js';
import { explainStaging } from './explain-staging.js';
import type { Explanation, Sources } from './explanation.js';
import { workNow } from './work.js';

/** Explains everything that a word names: a package, copy, transfer, observation, file or staging job. Empty where nothing is called so. */
export async function explain(sources: Sources, word: string): Promise<Explanation[]> {
  const { packageIds, copyId, files } = await sources.catalogue.explain.findSubjects(word);
  const job = await sources.catalogue.staging.job(word);
  if (job !== undefined) return [await explainStaging(sources, job)];
  const packages = packageIds.map((id) => explainPackage(sources, id, copyId));
  return Promise.all([...packages, ...files.map((file) => explainFile(sources, file))]);
}

/**
 * What Temporal alone knows of a word while the catalogue can't be asked: the workflows of that package, observation or ID.
 */
export async function explainByWork(
  client: Client,
  word: string,
  unreachable: string,
): Promise<Explanation[]> {
  const ids = await workflowsNamed(client, word);
  const work = (await Promise.all(ids.map((id) => workNow(client, id)))).filter((one) => one !== undefined);
  return work.map((one) => ({
    kind: 'work' as const,
    id: one.workflowId,
    name: word,
    observation: '',
    state: one.status,
    copies: [],
    work: [one],
    waiting:
      one.status === 'running'
        ? whyWorkWaits(one)
        : { for: 'nothing' as const, words: `this workflow is over: ${one.status}`, since: one.closedAt },
    next: one.status === 'running' ? nextOfWork(one) : undefined,
    unknown: [`where its copies are and whether they may go: ${unreachable}`],
  }));
}

/** At most this many workflows are told of. */
const MOST = 50;

async function workflowsNamed(client: Client, word: string): Promise<string[]> {
  const quoted = `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const query = `${CDT_PACKAGE.name} = ${quoted} OR ${CDT_OBSERVATION.name} = ${quoted} OR WorkflowId = ${quoted}`;
  const ids = new Set<string>();
  for await (const found of client.workflow.list({ query })) {
    ids.add(found.workflowId);
    if (ids.size === MOST) break;
  }
  return [...ids];
}
