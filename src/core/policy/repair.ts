import type { Location, PhysicalCopy } from '../database/records.js';
import { leadsThere } from './redundancy.js';
import { primaryBuffer, type RoutingFacts } from './routing.js';

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

/** A copy in an archive elsewhere, and the buffer beside it that it is brought back to, to be sent from there. */
export interface Detour {
  source: PhysicalCopy;
  buffer: Location;
}

/**
 * The archive copies at other sites that reach a damaged one by way of buffers, where nobody here has the keys to their store; best first: one in doubt
 * comes last, then the one that was read back last.
 */
export function repairDetours(
  damaged: PhysicalCopy,
  copies: PhysicalCopy[],
  facts: Pick<RoutingFacts, 'locations' | 'routes'>,
): Detour[] {
  return copies
    .filter(
      (one) =>
        one.location.locationType === 'long_term_archive' &&
        one.location.site !== damaged.location.site &&
        one.state === 'present' &&
        one.sha256 === damaged.sha256 &&
        one.bytes === damaged.bytes,
    )
    .sort(
      (a, b) =>
        Number(a.doubt !== undefined) - Number(b.doubt !== undefined) ||
        (b.verifiedAt ?? '').localeCompare(a.verifiedAt ?? ''),
    )
    .flatMap((source) => {
      const found = primaryBuffer({ locations: facts.locations }, source.location.site);
      if (!('buffer' in found) || !leadsThere(found.buffer, damaged.location.site, facts)) return [];
      return [{ source, buffer: found.buffer }];
    });
}

/** The key that a repaired copy gets. Nothing in an archive is overwritten: what is damaged keeps its place, as evidence. */
export function repairPath(path: string, damages: number): string {
  return path.replace(/(\.r\d+)?\.tar$/, `.r${damages}.tar`);
}
