import type { PhysicalCopy } from '../database/records.js';

/** States of copies that are whole as far as anybody knows. */
const WHOLE = new Set(['present', 'staged', 'deletion_possible', 'deletion_scheduled']);

/**
 * The copies that a damaged archive copy may be repaired from, best first: on a disk of the same site, in another archive of
 * that site, in an archive elsewhere; of equals the one that was read back last. What is read is digested on the way, so a source
 * need not be believed.
 */
export function repairSources(damaged: PhysicalCopy, copies: PhysicalCopy[]): PhysicalCopy[] {
  return copies
    .filter(
      (one) =>
        one.id !== damaged.id &&
        WHOLE.has(one.state) &&
        one.packageId === damaged.packageId &&
        one.sha256 === damaged.sha256 &&
        one.bytes === damaged.bytes &&
        distance(one, damaged) < Infinity,
    )
    .sort(
      (a, b) =>
        distance(a, damaged) - distance(b, damaged) || (b.verifiedAt ?? '').localeCompare(a.verifiedAt ?? ''),
    );
}

/** A disk is reached from its own site only; a store from wherever its keys are. */
function distance({ location }: PhysicalCopy, damaged: PhysicalCopy): number {
  const here = location.site === damaged.location.site;
  if (here && location.locationType === 'buffer') return 0;
  if (location.locationType !== 'long_term_archive') return Infinity;
  if (here) return 1;
  return location.storageType === 's3' ? 2 : Infinity;
}

/** The key that a repaired copy gets. Nothing in an archive is overwritten: what is damaged keeps its place, as evidence. */
export function repairPath(path: string, damages: number): string {
  return path.replace(/(\.r\d+)?\.tar$/, `.r${damages}.tar`);
}
