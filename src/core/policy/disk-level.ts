/** How full a disk is, in levels; and when it will be full. Pure functions; times are milliseconds, sizes bytes. */

/**
 * - `warn`: told. - `high`: others are preferred. - `critical`: nothing new is planned onto it.
 */
export const DISK_LEVELS = ['ok', 'warn', 'high', 'critical'] as const;
export type DiskLevel = (typeof DISK_LEVELS)[number];

export interface DiskSpace {
  totalBytes: number;
  /** What an ordinary user may still write. */
  freeBytes: number;
  /** 0 where the file system has no limit of its own. */
  totalInodes: number;
  freeInodes: number;
}

/** A level is reached when the used share of bytes or of inodes is so high, or so few bytes are free. 0 free bytes: the share alone counts. */
export interface DiskThreshold {
  usedShare: number;
  freeBytes: number;
}

export interface DiskRules {
  thresholds: Record<Exclude<DiskLevel, 'ok'>, DiskThreshold>;
  /** A level that was reached is left only this share of the disk below its threshold, so that it does not flap. */
  hysteresisShare: number;
}

/** From 0 to 1: of bytes, as `df` counts it, or of inodes where they are scarcer. */
export function usedShare(space: DiskSpace): number {
  return Math.max(byteShare(space), inodeShare(space));
}

function byteShare({ totalBytes, freeBytes }: DiskSpace): number {
  return totalBytes <= 0 ? 1 : clamp(1 - freeBytes / totalBytes);
}

function inodeShare({ totalInodes, freeInodes }: DiskSpace): number {
  return totalInodes <= 0 ? 0 : clamp(1 - freeInodes / totalInodes);
}

/** The level of a disk, given the one that it had. */
export function diskLevel(space: DiskSpace, rules: DiskRules, previous: DiskLevel = 'ok'): DiskLevel {
  for (const level of ['critical', 'high', 'warn'] as const) {
    const margin = rank(previous) >= rank(level) ? rules.hysteresisShare : 0;
    if (reached(space, rules.thresholds[level], margin)) return level;
  }
  return 'ok';
}

function reached(space: DiskSpace, { usedShare: share, freeBytes }: DiskThreshold, margin: number): boolean {
  return (
    usedShare(space) >= share - margin ||
    (freeBytes > 0 && space.freeBytes <= freeBytes + margin * space.totalBytes)
  );
}

/** The order of levels: a higher one is worse. */
export function rank(level: DiskLevel): number {
  return DISK_LEVELS.indexOf(level);
}

/** Bytes that may still be written before a level is reached; negative where it is. */
export function roomBelow(level: Exclude<DiskLevel, 'ok'>, space: DiskSpace, rules: DiskRules): number {
  const { usedShare: share, freeBytes } = rules.thresholds[level];
  if (inodeShare(space) >= share) return -1;
  const keepFree = Math.max((1 - share) * space.totalBytes, freeBytes);
  return Math.floor(space.freeBytes - keepFree);
}

/** The used share below which a level is left again. */
export function leavesAt(level: Exclude<DiskLevel, 'ok'>, space: DiskSpace, rules: DiskRules): number {
  const { usedShare: share, freeBytes } = rules.thresholds[level];
  const byFree = freeBytes > 0 && space.totalBytes > 0 ? 1 - freeBytes / space.totalBytes : 1;
  return clamp(Math.min(share, byFree) - rules.hysteresisShare);
}

export interface FillSample {
  at: number;
  usedBytes: number;
}

/** Too few samples, or too close together, say nothing of a rate. */
const SHORTEST_MS = 60_000;

/** Bytes per second by which a disk fills (negative: empties): the slope of the line that fits its samples best. */
export function fillRate(samples: readonly FillSample[]): number | undefined {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < SHORTEST_MS) return undefined;
  const n = samples.length;
  const meanAt = samples.reduce((sum, one) => sum + (one.at - first.at), 0) / n;
  const meanUsed = samples.reduce((sum, one) => sum + one.usedBytes, 0) / n;
  let [covariance, variance] = [0, 0];
  for (const { at, usedBytes } of samples) {
    const distance = at - first.at - meanAt;
    covariance += distance * (usedBytes - meanUsed);
    variance += distance * distance;
  }
  return variance === 0 ? undefined : (covariance / variance) * 1000;
}

/** Nobody believes a forecast beyond this: in milliseconds. */
const HORIZON_MS = 365 * 86_400_000;

/** When a disk is full if it goes on to fill as it does; undefined where it does not fill. */
export function fullAt(space: DiskSpace, rate: number | undefined, now: number): number | undefined {
  if (rate === undefined || rate <= 0) return undefined;
  const left = (space.freeBytes / rate) * 1000;
  return left > HORIZON_MS ? undefined : now + left;
}

/** "91 %", rounded down so that nothing short of full is told as 100 %. */
export function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
