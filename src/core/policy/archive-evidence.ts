import type { PhysicalCopy } from '../database/records.js';
import { failureDomainOf, failureDomains } from './failure-domains.js';
import type { Reason } from './reason.js';

/** That an archive answered a challenge well. */
export interface ChallengeFacts {
  id: string;
  /** ISO 8601, by the catalogue's clock. */
  at: string;
  method: 'identity' | 'ranges' | 'full';
}

/** An archive copy with what was asked of it. */
export type ArchiveCopy = PhysicalCopy & { challenge?: ChallengeFacts };

export interface EvidenceRules {
  /** Verified archive copies that must exist besides the copy that is to go, each in a failure domain of its own; at least 1. */
  requiredCopies: number;
  /** A copy that was read back in full longer ago than this does not count. */
  maxVerificationAgeSeconds: number;
  /** Nor does one that answered its last challenge longer ago than this. */
  maxChallengeAgeSeconds: number;
}

/** An archive copy that counts, as the audit log keeps it. */
export interface CountedCopy {
  copyId: string;
  /** `site.location` */
  place: string;
  failureDomain: string;
  path: string;
  versionId?: string;
  verifiedAt?: string;
  challenge?: ChallengeFacts;
}

/** Clocks of sites differ a little; what is said to have been done further in the future than this is not believed. */
export const CLOCK_TOLERANCE_SECONDS = 300;

/**
 * What the archives have of a package: the copies that count, and why they are too few. Two copies that may be lost together count
 * once.
 *
 * @param fresh whether a copy must have been read back, and have answered a challenge, not longer ago than the rules say; a
 *   deletion does both before anything goes, a plan need not
 */
export function archiveEvidence(
  about: { packageId: string; copyId: string; bytes: number; sha256: string },
  copies: readonly ArchiveCopy[],
  rules: EvidenceRules,
  now: Date,
  fresh: boolean,
): { counted: CountedCopy[]; reasons: Reason[] } {
  const archived = copies.filter(
    (one) => one.id !== about.copyId && one.location.locationType === 'long_term_archive',
  );
  const judged = archived.map((copy) => ({ copy, why: whyNotCounted(copy, about, rules, now, fresh) }));
  const good = judged.filter(({ why }) => why === undefined).map(({ copy }) => copy);
  const domains = failureDomains(good.map(({ location }) => location)).length;
  const reasons: Reason[] = [];
  if (!(domains >= rules.requiredCopies)) {
    reasons.push({
      code: 'too_few_archive_copies',
      words: `${domains} of ${rules.requiredCopies} required archive copies are verified${
        domains < good.length ? `, since ${good.length - domains} may be lost together with another` : ''
      }`,
    });
    for (const { copy, why } of judged)
      if (why !== undefined)
        reasons.push({
          code: 'archive_copy_does_not_count',
          words: `the copy at ${placeOf(copy)} does not count: ${why.words}`,
          since: why.since,
        });
  }
  return { counted: good.map(asCounted), reasons };
}

function whyNotCounted(
  copy: ArchiveCopy,
  about: { packageId: string; bytes: number; sha256: string },
  rules: EvidenceRules,
  now: Date,
  fresh: boolean,
): { words: string; since?: string } | undefined {
  if (copy.packageId !== about.packageId) return { words: 'it is of another package' };
  if (copy.state !== 'present') return { words: `its state is ${copy.state}` };
  if (!copy.location.active) return { words: 'its archive is switched off' };
  if (copy.sha256 !== about.sha256 || copy.bytes !== about.bytes)
    return { words: 'its digest or size differs' };
  if (copy.doubt !== undefined)
    return { words: `it failed a challenge: ${copy.doubt.words}`, since: copy.doubt.since };
  if (copy.verifiedAt === undefined) return { words: 'it was never read back' };
  if (!(ageOf(copy.verifiedAt, now) >= -CLOCK_TOLERANCE_SECONDS))
    return { words: `it is said to have been read back at ${copy.verifiedAt}, which is yet to come` };
  if (!fresh) return undefined;
  if (!(ageOf(copy.verifiedAt, now) <= rules.maxVerificationAgeSeconds))
    return {
      words: `it was read back at ${copy.verifiedAt}, which is not within the last ${rules.maxVerificationAgeSeconds} s`,
    };
  if (copy.challenge === undefined) return { words: 'it was not challenged' };
  const age = ageOf(copy.challenge.at, now);
  if (!(age <= rules.maxChallengeAgeSeconds && age >= -CLOCK_TOLERANCE_SECONDS))
    return {
      words: `it was challenged at ${copy.challenge.at}, which is not within the last ${rules.maxChallengeAgeSeconds} s`,
    };
  return undefined;
}

/** Seconds; not a number where the time can't be read. */
function ageOf(time: string, now: Date): number {
  return (now.getTime() - Date.parse(time)) / 1000;
}

function asCounted(copy: ArchiveCopy): CountedCopy {
  const { id, path, versionId, verifiedAt, challenge } = copy;
  return {
    copyId: id,
    place: placeOf(copy),
    failureDomain: failureDomainOf(copy.location),
    path,
    versionId,
    verifiedAt,
    challenge,
  };
}

function placeOf(copy: PhysicalCopy): string {
  return `${copy.location.site}.${copy.location.name}`;
}
