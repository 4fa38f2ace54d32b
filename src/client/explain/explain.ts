import type { Client } from '@temporalio/client';
import type { Catalogue } from '../../core/database/catalogue.js';
import type { FileFacts, PackageJourney } from '../../core/database/catalogue/explain.js';
import type { Location, PackageSummary, PhysicalCopy } from '../../core/database/records.js';
import {
  nextOfWork,
  whyPlannerWaits,
  whyWorkWaits,
  type Next,
  type Waiting,
} from '../../core/policy/explanation.js';
import type { Operation } from '../../core/operation-types.js';
import {
  archiveTransferId,
  dataTransferId,
  deletionId,
  packageCreationId,
  unpackingId,
} from '../../workflows/journeys.js';
import { plannerOf } from '../../workflows/planners.js';
import { CDT_OBSERVATION, CDT_PACKAGE } from '../../workflows/search-attributes.js';
import { nextLook, workNow, type WorkNow } from './work.js';

/** What `cdt explain` answers about one package, one copy or one file. */
export interface Explanation {
  /** `work` where only Temporal could be asked. */
  kind: 'package' | 'file' | 'work';
  id: string;
  name: string;
  observation: string;
  state: string;
  copies: CopyExplanation[];
  waiting: Waiting;
  next?: Next;
  /** Every workflow that works on it or did, as far as Temporal still has it. */
  work: WorkNow[];
  /** What could not be asked, and why: the answer holds for the rest. */
  unknown: string[];
}

export interface CopyExplanation {
  id: string;
  /** `site.name` */
  location: string;
  locationType: string;
  state: string;
  path: string;
  bytes: number;
  sha256: string;
  verifiedAt?: string;
  /** May it be deleted now; if not, every reason. */
  deletion: { may: boolean; reasons: string[] };
}

/** What an explanation is made from. A part that can't be reached is told in the answer and does not spoil the rest. */
export interface Sources {
  catalogue: Catalogue;
  /** Undefined while Temporal can't be reached, with the reason. */
  temporal: { client: Client } | { unreachable: string };
  /** May a copy go, and if not, why not. */
  whyKeep(copies: PhysicalCopy[], copy: PhysicalCopy): Promise<string[]>;
}

/** Explains everything that a word names: a package, copy, transfer, observation or file. Empty where nothing is called so. */
export async function explain(sources: Sources, word: string): Promise<Explanation[]> {
  const { packageIds, files } = await sources.catalogue.explain.findSubjects(word);
  const packages = packageIds.map((id) => explainPackage(sources, id));
  return Promise.all([...packages, ...files.map((file) => explainFile(sources, file))]);
}

async function explainPackage(sources: Sources, packageId: string): Promise<Explanation> {
  const { catalogue } = sources;
  const [summary, copies, journey, locations] = await Promise.all([
    catalogue.packageSummary(packageId),
    catalogue.copiesOfPackage(packageId),
    catalogue.explain.packageJourney(packageId),
    catalogue.locations(),
  ]);
  const archives = locations.filter((one) => one.locationType === 'long_term_archive' && one.active);
  const asked = await askTemporal(sources, async (client) => {
    const work = await workOf(client, packageId, journey, archives);
    return { work, ...(await standing(client, work, summary, journey, copies, archives)) };
  });
  return {
    kind: 'package',
    id: packageId,
    name: summary.name,
    observation: summary.executedObsUnit,
    state: summary.state,
    copies: await Promise.all(copies.map((copy) => explainCopy(sources, copies, copy))),
    ...asked,
  };
}

async function explainFile(sources: Sources, file: FileFacts): Promise<Explanation> {
  const about = { kind: 'file' as const, id: file.id, name: file.path, observation: file.observation };
  if (file.packageId !== undefined) {
    const ofPackage = await explainPackage(sources, file.packageId);
    return {
      ...ofPackage,
      ...about,
      state: `${file.state}, in package ${ofPackage.name}, which is ${ofPackage.state}`,
    };
  }
  const asked = await askTemporal(sources, async (client) => ({
    work: [],
    ...(await standingOfFile(client, file)),
  }));
  return { ...about, state: file.state, copies: [], ...asked };
}

async function standingOfFile(client: Client, file: FileFacts): Promise<{ waiting: Waiting; next?: Next }> {
  const place = { site: file.source.site, location: file.source.name };
  const looked = await planner(
    client,
    'raw_data_package_creation',
    place,
    'packages what is still',
    file.seenAt,
  );
  if (file.state === 'refused') {
    const words = `it is not packaged: ${file.refusalReason ?? 'no reason is known'}`;
    return {
      ...looked,
      waiting: { for: 'operator', words, since: file.seenAt, advice: 'mend it at the source' },
    };
  }
  if (!file.quiet) {
    const words = 'it was still being written when it was last seen, and is packaged when it is still';
    return { ...looked, waiting: { for: 'planner', words, since: file.seenAt } };
  }
  return looked;
}

/** Every workflow that a package can have, by the IDs that follow from the catalogue's keys. */
async function workOf(
  client: Client,
  packageId: string,
  journey: PackageJourney,
  archives: Location[],
): Promise<WorkNow[]> {
  const ids = [
    packageCreationId(packageId),
    ...journey.transfers.flatMap(({ id }) => [dataTransferId(id), unpackingId(id)]),
    ...archives.map(({ site, name }) => archiveTransferId(packageId, { site, location: name })),
    deletionId(packageId),
  ];
  const found = await Promise.all(ids.map((id) => workNow(client, id)));
  return found.filter((one) => one !== undefined);
}

/** What a package waits for: its running work, else the planner that takes it up next. */
async function standing(
  client: Client,
  work: WorkNow[],
  summary: PackageSummary,
  journey: PackageJourney,
  copies: PhysicalCopy[],
  archives: Location[],
): Promise<{ waiting: Waiting; next?: Next }> {
  const running = work.filter((one) => one.status === 'running');
  // An operator's answer comes before what goes on by itself.
  const [first] = [...running].sort(
    (a, b) => Number(b.blocker !== undefined) - Number(a.blocker !== undefined),
  );
  if (first !== undefined) return { waiting: whyWorkWaits(first), next: nextOfWork(first) };

  const { since } = journey;
  const buffer = { site: journey.buffer.site, location: journey.buffer.name };
  const { sourceLocation } = summary;
  const source = { site: sourceLocation.site, location: sourceLocation.name };
  switch (summary.state) {
    case 'failed':
      return {
        waiting: {
          for: 'nothing',
          words: `it was given up: ${summary.reason ?? 'no reason is known'}`,
          since,
        },
      };
    case 'creating':
      return planner(client, 'raw_data_package_creation', source, 'starts its packaging', since);
    case 'waiting':
    case 'transferring':
      return planner(
        client,
        'data_transfer_package_creation',
        buffer,
        'sends what waits in its buffer',
        since,
      );
    default: {
      const missing = archives.find(
        (archive) => !copies.some((copy) => isGood(copy) && copy.location.id === archive.id),
      );
      if (missing !== undefined) {
        const place = { site: missing.site, location: missing.name };
        return planner(client, 'long_term_archive_transfer', place, `archives it at ${missing.site}`, since);
      }
      if (
        copies.every(
          (copy) => copy.state === 'deleted' || copy.location.locationType === 'long_term_archive',
        ) &&
        journey.filesAtSource === 0
      )
        return { waiting: { for: 'nothing', words: 'it is archived, and every other copy is gone', since } };
      return planner(client, 'deletion', source, 'frees what the archives have made redundant', since);
    }
  }
}

function isGood(copy: PhysicalCopy): boolean {
  return copy.state === 'present' && copy.verifiedAt !== undefined;
}

async function planner(
  client: Client,
  operation: Operation,
  place: { site: string; location: string },
  does: string,
  since: string,
): Promise<{ waiting: Waiting; next?: Next }> {
  const found = plannerOf(operation, place);
  if (found === undefined) return { waiting: { for: 'unknown', words: `nothing plans ${operation}`, since } };
  return whyPlannerWaits({ id: found.id, does }, await nextLook(client, found.id), since);
}

async function explainCopy(
  sources: Sources,
  copies: PhysicalCopy[],
  copy: PhysicalCopy,
): Promise<CopyExplanation> {
  const { id, location, state, path, bytes, sha256, verifiedAt } = copy;
  const reasons = state === 'deleted' ? ['it is deleted already'] : await sources.whyKeep(copies, copy);
  return {
    id,
    location: `${location.site}.${location.name}`,
    locationType: location.locationType,
    state,
    path,
    bytes,
    sha256,
    verifiedAt,
    deletion: { may: reasons.length === 0, reasons },
  };
}

interface Asked {
  work: WorkNow[];
  waiting: Waiting;
  next?: Next;
  unknown: string[];
}

/** What only Temporal knows; told as unknown where it can't be asked. */
async function askTemporal(
  { temporal }: Sources,
  ask: (client: Client) => Promise<Omit<Asked, 'unknown'>>,
): Promise<Asked> {
  if ('client' in temporal) return { ...(await ask(temporal.client)), unknown: [] };
  return {
    work: [],
    waiting: { for: 'unknown', words: "what is being done now is not known: Temporal can't be asked" },
    unknown: [`what is being done, and what comes next: ${temporal.unreachable}`],
  };
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
