import type { PhysicalCopy } from '../database/records.js';

export interface DeletionRules {
  /** Verified archive copies that must exist besides the copy that is to go; at least 1. */
  requiredCopies: number;
  /** A copy that was read back longer ago than this does not count. */
  maxVerificationAgeSeconds: number;
}

/** Clocks of sites differ a little; a verification further in the future than this is not believed. */
const CLOCK_TOLERANCE_SECONDS = 300;

/**
 * The first promise: why this copy of a package must be kept now, one sentence for each reason. Empty when it may be deleted.
 *
 * @param copies everything that is known of the package's copies; `copy` itself may be among them
 */
export function whyKeep(
  copies: PhysicalCopy[],
  copy: PhysicalCopy,
  now: Date,
  rules: DeletionRules,
): string[] {
  const reasons: string[] = [];
  const place = placeOf(copy);
  if (copy.location.locationType === 'long_term_archive')
    reasons.push(`${place} is a long-term archive: nothing is deleted there`);
  if (!copy.location.deletable) reasons.push(`copies at ${place} are not to be deleted`);
  if (!(rules.requiredCopies >= 1))
    reasons.push(`a rule that asks for ${rules.requiredCopies} archive copies can't justify a deletion`);

  const archived = copies.filter(
    (other) => other.id !== copy.id && other.location.locationType === 'long_term_archive',
  );
  const doubts = archived.map((other) => ({ other, why: whyNotCounted(other, copy, now, rules) }));
  // Two objects at one location fall together, so a location counts once.
  const counted = new Set(doubts.filter(({ why }) => why === undefined).map(({ other }) => other.location.id))
    .size;
  if (!(counted >= rules.requiredCopies)) {
    reasons.push(`${counted} of ${rules.requiredCopies} required archive copies are verified`);
    for (const { other, why } of doubts)
      if (why !== undefined) reasons.push(`the copy at ${placeOf(other)} does not count: ${why}`);
  }
  return reasons;
}

function whyNotCounted(
  other: PhysicalCopy,
  copy: PhysicalCopy,
  now: Date,
  rules: DeletionRules,
): string | undefined {
  if (other.packageId !== copy.packageId) return 'it is of another package';
  if (other.state !== 'present') return `its state is ${other.state}`;
  if (other.sha256 !== copy.sha256 || other.bytes !== copy.bytes) return 'its digest or size differs';
  if (other.verifiedAt === undefined) return 'it was never read back';
  const age = (now.getTime() - Date.parse(other.verifiedAt)) / 1000;
  if (age <= rules.maxVerificationAgeSeconds && age >= -CLOCK_TOLERANCE_SECONDS) return undefined;
  return `it was read back at ${other.verifiedAt}, which is not within the last ${rules.maxVerificationAgeSeconds} s`;
}

function placeOf(copy: PhysicalCopy): string {
  return `${copy.location.site}.${copy.location.name}`;
}
