import type { Client } from '@temporalio/client';
import type { PackageJourney } from '../../core/database/catalogue/explain.js';
import type { Location, PackageSummary, PhysicalCopy } from '../../core/database/records.js';
import { mostUrgent, nextOfWork, whyWorkWaits } from '../../core/policy/explanation.js';
import {
  archiveRepairId,
  archiveTransferId,
  dataTransferId,
  deletionId,
  packageCreationId,
  unpackingId,
} from '../../workflows/journeys.js';
import { explainAtSource, explainCopy } from './explain-copy.js';
import {
  askTemporal,
  type CopyExplanation,
  type Explanation,
  type Sources,
  type Standing,
} from './explanation.js';
import { planned } from './planner.js';
import { workNow, type WorkNow } from './work.js';

/** Explains a package: its copies, the work on it, and what it waits for. */
export async function explainPackage(
  sources: Sources,
  packageId: string,
  copyId?: string,
): Promise<Explanation> {
  const { catalogue } = sources;
  const [summary, copies, journey, locations] = await Promise.all([
    catalogue.packageSummary(packageId),
    catalogue.copiesOfPackage(packageId),
    catalogue.explain.packageJourney(packageId),
    catalogue.locations(),
  ]);
  const archives = locations.filter((one) => one.locationType === 'long_term_archive' && one.active);
  const asked = await askTemporal(sources, async (client) => {
    const damaged = copies.filter((copy) => copy.state === 'damaged');
    const work = await workOf(client, packageId, journey, archives, damaged);
    return { work, ...(await standing(sources, client, work, summary, journey, copies, archives)) };
  });
  const explanation: Explanation = {
    kind: 'package',
    id: packageId,
    name: summary.name,
    observation: summary.executedObsUnit,
    state: summary.state,
    waiting: asked.waiting,
    next: asked.next,
    copies: await explainCopies(sources, summary, journey, copies),
    work: 'work' in asked ? asked.work : [],
    unknown: asked.unknown,
  };
  return copyId === undefined ? explanation : ofOneCopy(explanation, copyId);
}

/** The answer about a single copy: what its package waits for is told by the package. */
function ofOneCopy(explanation: Explanation, copyId: string): Explanation {
  const copies = explanation.copies.filter((copy) => copy.id === copyId);
  const [copy] = copies;
  if (copy === undefined) return explanation;
  return {
    ...explanation,
    kind: 'copy',
    id: copyId,
    name: `${explanation.name} at ${copy.location}`,
    state: copy.state,
    copies,
    waiting: copy.waiting,
    next: copy.next,
  };
}

async function explainCopies(
  sources: Sources,
  summary: PackageSummary,
  journey: PackageJourney,
  copies: PhysicalCopy[],
): Promise<CopyExplanation[]> {
  const explained = await Promise.all(copies.map((copy) => explainCopy(sources, copy)));
  const { filesAtSource, bytesAtSource } = journey;
  if (filesAtSource === 0) return explained;
  const source = await sources.catalogue.locationById(summary.sourceLocation.id);
  const atSource = {
    id: summary.id,
    packageId: summary.id,
    source,
    path: `${filesAtSource} ${filesAtSource === 1 ? 'file' : 'files'}`,
    bytes: bytesAtSource,
  };
  return [await explainAtSource(sources, atSource), ...explained];
}

/** Every workflow that a package can have, by the IDs that follow from the catalogue's keys. */
async function workOf(
  client: Client,
  packageId: string,
  journey: PackageJourney,
  archives: Location[],
  damaged: PhysicalCopy[],
): Promise<WorkNow[]> {
  const ids = [
    packageCreationId(packageId),
    ...journey.transfers.flatMap(({ id }) => [dataTransferId(id), unpackingId(id)]),
    ...archives.map(({ site, name }) => archiveTransferId(packageId, { site, location: name })),
    ...damaged.map(({ id }) => archiveRepairId(id)),
    deletionId(packageId),
  ];
  const found = await Promise.all(ids.map((id) => workNow(client, id)));
  return found.filter((one) => one !== undefined);
}

/** What a package waits for: its running work, else the planner that takes it up next. */
async function standing(
  sources: Sources,
  client: Client,
  work: WorkNow[],
  summary: PackageSummary,
  journey: PackageJourney,
  copies: PhysicalCopy[],
  archives: Location[],
): Promise<Standing> {
  const first = mostUrgent(work.filter((one) => one.status === 'running'));
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
      return planned(sources, client, 'raw_data_package_creation', source, 'starts its packaging', since);
    case 'waiting':
    case 'transferring':
      return planned(
        sources,
        client,
        'data_transfer_package_creation',
        buffer,
        'sends what waits in its buffer',
        since,
      );
    default: {
      const [damaged] = copies.filter((copy) => copy.state === 'damaged');
      if (damaged !== undefined) {
        const place = { site: damaged.location.site, location: damaged.location.name };
        return planned(
          sources,
          client,
          'audit',
          place,
          `starts the repair of its copy in ${place.site}.${place.location}`,
        );
      }
      const missing = archives.find(
        (archive) => !copies.some((copy) => isGood(copy) && copy.location.id === archive.id),
      );
      if (missing !== undefined) {
        const place = { site: missing.site, location: missing.name };
        return planned(
          sources,
          client,
          'long_term_archive_transfer',
          place,
          `archives it at ${missing.site}`,
          since,
        );
      }
      const left = await placesLeft(sources, summary, journey, copies);
      // What was staged goes when no job needs it: its own copy tells of that.
      const lasting = left.filter(({ locationType }) => locationType !== 'processing');
      if (lasting.every(({ deletable }) => !deletable))
        return { waiting: { for: 'nothing', words: whereItLies(left, lasting), since } };
      return planned(
        sources,
        client,
        'deletion',
        source,
        'frees what the archives have made redundant',
        since,
      );
    }
  }
}

/** Of what is archived and is freed nowhere. */
function whereItLies(left: Location[], lasting: Location[]): string {
  const named = (places: Location[]) => places.map(({ site, name }) => `${site}.${name}`).join(' and ');
  if (left.length === 0) return 'it is archived, and every other copy is gone';
  return lasting.length === 0
    ? `it is archived, and elsewhere it is staged only: at ${named(left)}`
    : `it is archived; what lies at ${named(lasting)} stays there, where nothing is deleted`;
}

/** Where it takes up space besides the archives. */
async function placesLeft(
  { catalogue }: Sources,
  summary: PackageSummary,
  journey: PackageJourney,
  copies: PhysicalCopy[],
): Promise<Location[]> {
  const places = copies
    .filter(({ state, location }) => state !== 'deleted' && location.locationType !== 'long_term_archive')
    .map(({ location }) => location);
  return journey.filesAtSource === 0
    ? places
    : [await catalogue.locationById(summary.sourceLocation.id), ...places];
}

function isGood(copy: PhysicalCopy): boolean {
  return copy.state === 'present' && copy.verifiedAt !== undefined;
}
