import type { Catalogue } from '../core/database/catalogue.js';
import type { Location } from '../core/database/records.js';
import { diskPolicy } from '../core/disk-rules.js';
import type { DiskCondition } from '../core/policy/buffer-space.js';
import { usedShare, type DiskLevel } from '../core/policy/disk-level.js';
import type { Settings } from '../core/settings-manager.js';

/** A location and how full its disk is. Sizes are bytes, times ISO 8601. */
export interface LocationState {
  /** `site.location`. */
  location: string;
  type: Location['locationType'];
  storage: Location['storageType'];
  active: boolean;
  /** Of the buffers of a site, the lowest is used first. */
  priority: number;
  /** Absent where nobody has measured it yet, as for an S3 store. */
  disk?: {
    condition: DiskCondition;
    /** Why it can't be used, where it can't. */
    reason?: string;
    level: DiskLevel;
    levelSince: string;
    /** From 0 to 1, of bytes or of inodes, whichever is scarcer. */
    usedShare: number;
    totalBytes: number;
    freeBytes: number;
    /** What is on its way there or came since it was measured; freed bytes taken off. */
    expectedBytes: number;
    measuredAt: string;
    /** True when nobody has measured it for some rounds. */
    stale: boolean;
    /** By which it fills; below 0 it empties. Absent until it is known. */
    bytesPerSecond?: number;
    /** When it is full if it goes on so. */
    fullAt?: string;
  };
}

/** Every location, by its name. */
export async function locationStates(catalogue: Catalogue, settings: Settings): Promise<LocationState[]> {
  const locations = await catalogue.locations();
  const measured = new Map((await catalogue.liveness.measurements()).map((one) => [one.locationId, one]));
  const disks = await catalogue.liveness.disks(await diskPolicy(settings, locations));
  return locations
    .map((one): LocationState => {
      const [measurement, facts] = [measured.get(one.id), disks.get(one.id)];
      const { locationType: type, storageType: storage, active, priority } = one;
      const state = { location: `${one.site}.${one.name}`, type, storage, active, priority };
      if (measurement === undefined || facts === undefined) return state;
      const { condition, reason, level, levelSince, space, measuredAt, bytesPerSecond, fullAt } = measurement;
      const { totalBytes, freeBytes } = space;
      return {
        ...state,
        disk: {
          ...{ condition, reason, level, levelSince, usedShare: usedShare(space), totalBytes, freeBytes },
          ...{ expectedBytes: facts.promisedBytes, measuredAt, stale: facts.stale, bytesPerSecond, fullAt },
        },
      };
    })
    .sort((a, b) => a.location.localeCompare(b.location));
}
