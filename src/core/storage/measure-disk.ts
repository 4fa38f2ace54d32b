import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Location } from '../database/records.js';
import type { DiskCondition } from '../policy/buffer-space.js';
import type { DiskSpace } from '../policy/disk-level.js';
import { classifyDiskError, isFull } from '../utilities/disk.js';
import { requireMarker } from './location-marker.js';

/** What a look at the disk of a location found. */
export interface DiskFound {
  condition: DiskCondition;
  /** Why it can't be used; set where it can't. */
  reason?: string;
  space: DiskSpace;
}

/** A disk that says nothing for so long is taken for one that hangs, in milliseconds. */
const PATIENCE_MS = 10_000;
/** Written, flushed and removed: only that tells whether a disk takes anything. */
const PROBE = '.cdt-probe';

const NOTHING: DiskSpace = { totalBytes: 0, freeBytes: 0, totalInodes: 0, freeInodes: 0 };

/** A disk that hangs keeps one thread of this process, however often it is asked: nobody asks it anew before it has answered. */
const asked = new Map<string, Promise<DiskFound | undefined>>();

/**
 * Looks how full the disk of a location is, and whether it can be used. It writes nothing to a source, which is somebody else's.
 *
 * @param marked whether the disk was given its marker, and must have it
 * @returns undefined where the directory was never used and is not there: it is made at its first use
 */
export async function measureDisk(
  location: Location,
  root: string,
  marked: boolean,
  patienceMs = PATIENCE_MS,
): Promise<DiskFound | undefined> {
  const looking = asked.get(root) ?? look(location, root, marked).finally(() => asked.delete(root));
  asked.set(root, looking);
  const silent: DiskFound = {
    condition: 'silent',
    reason: `${root} did not answer within ${patienceMs / 1000} s`,
    space: NOTHING,
  };
  return Promise.race([looking, sleep(patienceMs, silent, { ref: false })]);
}

async function look(location: Location, root: string, marked: boolean): Promise<DiskFound | undefined> {
  const ours = location.locationType !== 'source';
  let space: DiskSpace;
  try {
    const found = await statfs(root);
    const used = found.blocks - found.bfree;
    space = {
      // As `df` counts it: what is kept for root belongs to nobody else.
      totalBytes: (used + found.bavail) * found.bsize,
      freeBytes: found.bavail * found.bsize,
      totalInodes: found.files,
      freeInodes: found.ffree,
    };
    if (marked) await requireMarker(root, location, 'monitoring');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && ours && !marked) return undefined;
    return { condition: 'missing', reason: messageOf(error, root), space: NOTHING };
  }
  try {
    if (ours) await probe(root);
  } catch (error) {
    return { condition: 'unwritable', reason: messageOf(error, root), space };
  }
  return { condition: 'usable', space };
}

async function probe(root: string): Promise<void> {
  const path = join(root, PROBE);
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile('written to see whether this disk takes anything\n');
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    // That it is full is what the figures say.
    if (!isFull(error)) throw error;
  } finally {
    await rm(path, { force: true });
  }
}

function messageOf(error: unknown, root: string): string {
  return (classifyDiskError(error, { operation: 'monitoring', subject: root }) as Error).message;
}
