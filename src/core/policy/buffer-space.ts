import { formatBytes } from '../utilities/format.js';
import {
  leavesAt,
  percent,
  rank,
  roomBelow,
  usedShare,
  type DiskLevel,
  type DiskRules,
  type DiskSpace,
} from './disk-level.js';

/**
 * - `usable`: it is what it should be. - `missing`: no directory, or not the location's own disk. - `unwritable`: nothing can be
 * written there. - `silent`: the disk did not answer.
 */
export const DISK_CONDITIONS = ['usable', 'missing', 'unwritable', 'silent'] as const;
export type DiskCondition = (typeof DISK_CONDITIONS)[number];

/** What is known of a disk that something may be planned onto. */
export interface DiskFacts {
  condition: DiskCondition;
  /** Why it can't be used, where it can't. */
  reason?: string;
  level: DiskLevel;
  /** ISO 8601. */
  levelSince: string;
  space: DiskSpace;
  /** Milliseconds. */
  measuredAt: number;
  /** True when nobody has measured it for longer than the setting says. */
  stale: boolean;
  /** Bytes of ours that are on their way there, or came there since it was measured; freed ones taken off. */
  promisedBytes: number;
  rules: DiskRules;
}

/** Room for anything: of a disk that nobody has measured yet. The work itself asks the disk before it writes. */
const UNKNOWN_ROOM = Infinity;

/** The space of a disk as it will be when all that is promised has come. */
export function promisedSpace({ space, promisedBytes }: DiskFacts): DiskSpace {
  return { ...space, freeBytes: Math.min(space.totalBytes, space.freeBytes - promisedBytes) };
}

/** The level that nothing new may bring a disk to: `high` where another one may take it, `critical` where not. */
export type Limit = 'high' | 'critical';

/** Bytes that may still be planned onto a disk; 0 or less where it takes nothing. */
export function roomOn(disk: DiskFacts | undefined, limit: Limit): number {
  if (disk === undefined) return UNKNOWN_ROOM;
  if (disk.condition !== 'usable') return 0;
  if (rank(disk.level) >= rank(limit) && !leftSince(disk, limit)) return 0;
  return roomBelow(limit, promisedSpace(disk), disk.rules);
}

/** Bytes that could be planned onto a disk if nothing were on it. */
export function capacityOf(disk: DiskFacts | undefined): number {
  if (disk === undefined) return UNKNOWN_ROOM;
  const { space, rules } = disk;
  const empty = { ...space, freeBytes: space.totalBytes, freeInodes: space.totalInodes };
  return roomBelow('critical', empty, rules);
}

/**
 * Why so many bytes are not planned onto a disk, as a sentence without its full stop; undefined when they may be.
 *
 * @param name of the location, as `site.location`
 * @param what would be done: "packaging", "sending there"
 */
export function whyNotOnto(
  disk: DiskFacts | undefined,
  bytes: number,
  name: string,
  what: string,
  limit: Limit = 'critical',
): string | undefined {
  if (disk === undefined) return undefined;
  if (disk.condition !== 'usable')
    return `${name} can't be used: ${disk.reason ?? disk.condition}${staleWords(disk)}`;
  const room = roomOn(disk, limit);
  if (room > 0 && bytes <= room) return undefined;
  const { space, rules, level, levelSince } = disk;
  if (rank(level) >= rank(limit) && !leftSince(disk, limit)) {
    const leaves = percent(leavesAt(limit, space, rules));
    return `${what} waits for room in ${name}: it is ${percent(usedShare(space))} full, ${level} since ${levelSince}, and takes nothing until it is below ${leaves}${staleWords(disk)}`;
  }
  const underWay =
    disk.promisedBytes > 0
      ? `, ${percent(usedShare(promisedSpace(disk)))} with what is under way`
      : `, with ${formatBytes(space.freeBytes)} free`;
  const most = percent(rules.thresholds[limit].usedShare);
  const more =
    bytes > 0 ? `${formatBytes(bytes)} more would pass ${most}` : `that is at its limit of ${most}`;
  const never = bytes > capacityOf(disk) ? ', and would if it were empty: use a larger disk' : '';
  return `${what} waits for room in ${name}: it is ${percent(usedShare(space))} full${underWay}, and ${more}${never}${staleWords(disk)}`;
}

/** While nobody measures, a level holds until what the catalogue knows to be freed since has brought the disk below it. */
function leftSince(disk: DiskFacts, limit: Limit): boolean {
  return disk.promisedBytes < 0 && usedShare(promisedSpace(disk)) < leavesAt(limit, disk.space, disk.rules);
}

function staleWords({ stale, measuredAt }: DiskFacts): string {
  return stale
    ? ` (measured last at ${new Date(measuredAt).toISOString()}: no worker serves its monitoring, or its schedule is paused)`
    : '';
}
