import type { Client } from '@temporalio/client';
import type { Location, PhysicalCopy } from '../../core/database/records.js';
import { keptUntil } from '../../core/policy/staging.js';
import type { Reason } from '../../core/policy/reason.js';
import { nextOfWork, whyWorkWaits } from '../../core/policy/explanation.js';
import { archiveRepairId } from '../../workflows/journeys.js';
import { askTemporal, type CopyExplanation, type Sources, type Standing } from './explanation.js';
import { planned } from './planner.js';
import { workNow } from './work.js';

const GONE: Reason = { code: 'state', words: 'it is deleted already' };

/** Explains one copy. */
export async function explainCopy(sources: Sources, copy: PhysicalCopy): Promise<CopyExplanation> {
  const { id, location, state, path, bytes, sha256, verifiedAt } = copy;
  const reasons = state === 'deleted' ? [GONE] : await sources.whyKeep(copy.packageId, id);
  const asked = await askTemporal(sources, (client) => standingOfCopy(sources, client, copy, reasons));
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
    waiting: asked.waiting,
    next: asked.next,
    ...(await standingOfStaged(sources, copy)),
  };
}

/** A staged copy stays for whoever needs it, and for a while after the last one. */
async function standingOfStaged(
  { catalogue, settings }: Sources,
  { location, packageId, state }: PhysicalCopy,
): Promise<Standing | undefined> {
  if (location.locationType !== 'processing' || state === 'deleted') return undefined;
  const facts = await catalogue.staging.facts(location.id, packageId);
  if (facts === undefined) return undefined;
  const place = { site: location.site, location: location.name };
  const retentionSeconds = 3600 * (await settings.get('staging.retention_hours', place));
  const jobs = facts.needs.map(({ jobId, requestedBy }) => `the staging job ${jobId} of ${requestedBy}`);
  const words =
    jobs.length === 0
      ? 'no staging job needs it; it is kept for whoever asks for it next'
      : `${jobs.join(' and ')} ${jobs.length === 1 ? 'needs' : 'need'} it`;
  return {
    waiting: { for: 'safety', words, since: jobs.length === 0 ? facts.neededAt : undefined },
    next: {
      words: 'it is taken away, unless somebody asks for it before',
      at: keptUntil(facts, { retentionSeconds }),
    },
  };
}

/** Of what lies at a source: one file, or all that is left of a package's files. */
export interface AtSource {
  id: string;
  /** Absent while it is in none. */
  packageId?: string;
  source: Location;
  path: string;
  bytes: number;
  sha256?: string;
  /** ISO 8601; absent while it is there. */
  deletedAt?: string;
  /** Why it was kept when everything else of its package went. */
  keptReason?: string;
}

/** Explains what lies at a source. It is vouched for by its package: digest and all, by the archive's copies of the tar. */
export async function explainAtSource(sources: Sources, one: AtSource): Promise<CopyExplanation> {
  const { source, path, bytes, sha256 } = one;
  const state = one.deletedAt === undefined ? ('present' as const) : ('deleted' as const);
  const reasons = await whyKeepAtSource(sources, one);
  const itself = { id: one.id, location: source, state, deletedAt: one.deletedAt };
  const asked = await askTemporal(sources, (client) => standingOfCopy(sources, client, itself, reasons));
  return {
    id: one.id,
    location: `${source.site}.${source.name}`,
    locationType: source.locationType,
    state,
    path,
    bytes,
    sha256,
    deletion: { may: reasons.length === 0, reasons },
    waiting: asked.waiting,
    next: asked.next,
  };
}

async function whyKeepAtSource(sources: Sources, one: AtSource): Promise<Reason[]> {
  if (one.deletedAt !== undefined) return [GONE];
  if (one.keptReason !== undefined) return [{ code: 'kept_at_source', words: one.keptReason }];
  if (one.packageId === undefined) return [{ code: 'not_made', words: 'it is in no package yet' }];
  return sources.whyKeep(one.packageId, one.packageId);
}

/** What happens to a copy next, and when. */
async function standingOfCopy(
  sources: Sources,
  client: Client,
  copy: Pick<PhysicalCopy, 'id' | 'location' | 'state' | 'verifiedAt' | 'deletedAt' | 'deleteAfter'>,
  reasons: Reason[],
): Promise<Standing> {
  const { location, state, verifiedAt, deletedAt, deleteAfter } = copy;
  const place = { site: location.site, location: location.name };
  if (state === 'deleted') return { waiting: { for: 'nothing', words: 'it is gone', since: deletedAt } };
  if (state === 'damaged') {
    const repair = await workNow(client, archiveRepairId(copy.id));
    if (repair?.status === 'running') return { waiting: whyWorkWaits(repair), next: nextOfWork(repair) };
    return planned(sources, client, 'audit', place, 'starts its repair');
  }
  if (location.locationType === 'long_term_archive') {
    const words = verifiedAt === undefined ? 'it was never read back' : 'it is kept for good';
    const { next } = await planned(
      sources,
      client,
      'audit',
      place,
      'reads archived copies again',
      verifiedAt,
    );
    return { waiting: { for: 'nothing', words, since: verifiedAt }, next };
  }
  if (state === 'deletion_scheduled' && deleteAfter !== undefined) {
    return {
      waiting: { for: 'planner', words: 'its deletion is scheduled', advice: `cdt deletion undo ${copy.id}` },
      next: { words: 'it is deleted', at: deleteAfter },
    };
  }
  const deletion = await planned(sources, client, 'deletion', place, 'frees what is redundant', verifiedAt);
  const [first] = reasons;
  if (first === undefined) return deletion;
  return {
    waiting: { for: 'safety', words: `it is kept: ${first.words}`, since: first.since ?? verifiedAt },
    // Looking again changes nothing where nothing is deleted.
    next: first.code === 'not_deletable' ? undefined : deletion.next,
  };
}
