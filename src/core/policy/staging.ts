import type { Location, PhysicalCopy } from '../database/records.js';
import type { StagingState } from '../states.js';

/** Decisions about staging: pure functions of what the catalogue tells. */

/** An archive copy that a package can be fetched from. */
export interface StagingSource {
  copy: PhysicalCopy;
  /** Why it comes at this place among the others, for people. */
  because: string;
}

/**
 * The archive copies that a package can be fetched from, the best one first, and why the others can not serve: those at the same
 * site come first, then the operator's priority, then whatever was verified most recently. A copy in doubt comes last: every byte
 * is checked, and a long way is better than none.
 */
export function rankSources(
  expected: { bytes: number; sha256: string },
  copies: PhysicalCopy[],
  destination: Pick<Location, 'site'>,
): { sources: StagingSource[]; refused: string[] } {
  const refused: string[] = [];
  const usable: { copy: PhysicalCopy; doubt: string | undefined; near: boolean }[] = [];
  for (const copy of copies.filter((one) => one.location.locationType === 'long_term_archive')) {
    const why = whyNotFetched(copy, expected, destination);
    if (why === undefined)
      usable.push({
        copy,
        doubt: copy.doubt?.words,
        near: copy.location.site === destination.site,
      });
    else refused.push(`${placeOf(copy.location)}: ${why}`);
  }
  usable.sort(
    (a, b) =>
      Number(a.doubt !== undefined) - Number(b.doubt !== undefined) ||
      Number(b.near) - Number(a.near) ||
      a.copy.location.priority - b.copy.location.priority ||
      verifiedTime(b.copy) - verifiedTime(a.copy) ||
      a.copy.id.localeCompare(b.copy.id),
  );
  const sources = usable.map(({ copy, doubt, near }) => ({
    copy,
    because: [
      near ? 'at the same site' : `at ${copy.location.site}`,
      copy.verifiedAt === undefined ? 'never read back' : `read back ${copy.verifiedAt}`,
      ...(doubt === undefined ? [] : [`in doubt: ${doubt}`]),
    ].join(', '),
  }));
  return { sources, refused };
}

function whyNotFetched(
  copy: PhysicalCopy,
  expected: { bytes: number; sha256: string },
  destination: Pick<Location, 'site'>,
): string | undefined {
  const { location } = copy;
  if (copy.state !== 'present') return `its copy is ${copy.state}`;
  if (copy.bytes !== expected.bytes || copy.sha256 !== expected.sha256)
    return 'its copy has another size or digest';
  if (!location.active) return 'it is out of use';
  if (location.storageType === 'tape') return 'tapes are not read';
  if (location.storageType === 'disk' && location.site !== destination.site)
    return `its disk can't be reached from ${destination.site}`;
  return undefined;
}

/** A staging job, as much as the decision about copies needs of it. */
export interface StagingNeed {
  jobId: string;
  requestedBy: string;
  state: StagingState;
  /** ISO 8601. */
  expiresAt: string;
}

/** What is known of a staged copy besides its row. */
export interface StagedFacts {
  needs: StagingNeed[];
  /** When a job last needed it, ISO 8601. */
  neededAt: string;
}

/**
 * Why a staged copy must stay where it is, one sentence for each reason; empty when it may be removed. Nothing is lost by removing it:
 * an archive has the package. It stays while a job needs it, and for the time of grace after the last one.
 *
 * @param rules.retentionSeconds how long a copy that nobody needs is kept for the next one who asks
 */
export function whyKeepStaged(
  copy: Pick<PhysicalCopy, 'location' | 'state'>,
  facts: StagedFacts,
  now: Date,
  rules: { retentionSeconds: number },
): string[] {
  const reasons = facts.needs
    .filter((need) => isOpen(need.state))
    .map(
      (need) =>
        `the staging job ${need.jobId} of ${need.requestedBy} needs it, until ${need.expiresAt} or its release`,
    );
  if (!copy.location.deletable) reasons.push(`copies at ${placeOf(copy.location)} are not to be deleted`);
  const until = Date.parse(facts.neededAt) + rules.retentionSeconds * 1000;
  if (reasons.length === 0 && until > now.getTime())
    reasons.push(`it is kept until ${new Date(until).toISOString()} for whoever asks for it next`);
  return reasons;
}

/** When a staged copy is taken away at the latest, unless somebody asks for it anew or extends a job; ISO 8601. */
export function keptUntil(facts: StagedFacts, rules: { retentionSeconds: number }): string {
  const ends = facts.needs.filter((need) => isOpen(need.state)).map((need) => Date.parse(need.expiresAt));
  const last = Math.max(Date.parse(facts.neededAt), ...ends);
  return new Date(last + rules.retentionSeconds * 1000).toISOString();
}

/** Whether a job in this state has or wants its files. */
export function isOpen(state: StagingState): boolean {
  return state === 'requested' || state === 'active' || state === 'ready';
}

function verifiedTime(copy: PhysicalCopy): number {
  return copy.verifiedAt === undefined ? -Infinity : Date.parse(copy.verifiedAt);
}

function placeOf(location: Pick<Location, 'site' | 'name'>): string {
  return `${location.site}.${location.name}`;
}
