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

/** Bytes that may still be planned onto a disk; 0 or less where it takes nothing. */
export function roomOn(disk: DiskFacts | undefined): number {
  if (disk === undefined) return UNKNOWN_ROOM;
  if (disk.condition !== 'usable') return 0;
  if (rank(disk.level) >= rank('high') && !leftSince(disk)) return 0;
  return roomBelow('high', promisedSpace(disk), disk.rules);
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
): string | undefined {
  if (disk === undefined) return undefined;
  if (disk.condition !== 'usable')
    return `${name} can't be used: ${disk.reason ?? disk.condition}${staleWords(disk)}`;
  const room = roomOn(disk);
  if (room > 0 && bytes <= room) return undefined;
  const { space, rules, level } = disk;
  const leaves = percent(leavesAt('high', space, rules));
  if (rank(level) >= rank('high') && !leftSince(disk))
    return `${name} is ${percent(usedShare(space))} full: ${what} waits until it is below ${leaves}${staleWords(disk)}`;
  const promised = promisedSpace(disk);
  const { usedShare: high } = rules.thresholds.high;
  const underWay = disk.promisedBytes > 0 ? `, ${percent(usedShare(promised))} with what is under way` : '';
  const more =
    bytes > 0
      ? `${bytes} bytes more would pass ${percent(high)}`
      : `that is at its limit of ${percent(high)}`;
  return `${name} is ${percent(usedShare(space))} full${underWay}: ${more}, ${what} waits for space${staleWords(disk)}`;
}

/** Why work that writes onto a disk must pause now; undefined when it may go on. */
export function whyPause(disk: DiskFacts | undefined, name: string): string | undefined {
  if (disk === undefined) return undefined;
  if (disk.condition !== 'usable')
    return `${name} can't be used: ${disk.reason ?? disk.condition}${staleWords(disk)}`;
  if (disk.level !== 'critical' || disk.stale) return undefined;
  const below = percent(leavesAt('critical', disk.space, disk.rules));
  return `${name} is ${percent(usedShare(disk.space))} full: work that writes there pauses until it is below ${below}`;
}

/** While nobody measures, a level holds until what the catalogue knows to be freed since has brought the disk below it. */
function leftSince(disk: DiskFacts): boolean {
  return disk.promisedBytes < 0 && usedShare(promisedSpace(disk)) < leavesAt('high', disk.space, disk.rules);
}

function staleWords({ stale, measuredAt }: DiskFacts): string {
  return stale
    ? ` (measured last at ${new Date(measuredAt).toISOString()}: no worker serves its monitoring, or its schedule is paused)`
    : '';
}
