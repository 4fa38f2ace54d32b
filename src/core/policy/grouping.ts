export interface GroupLimits {
  /** Most bytes in one group. */
  maxBytes: number;
  /** Most members in one group. */
  maxFiles: number;
}

/**
 * Cuts a sequence into groups that keep to the limits, in the order given. A member that is bigger than `maxBytes` makes
 * a group of its own. Cutting the last group and what follows it again gives the same groups as cutting all at
 * once, so a long sequence can be grouped page by page.
 */
export function groupEntries<T extends { size: number }>(entries: readonly T[], limits: GroupLimits): T[][] {
  const groups: T[][] = [];
  let group: T[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (group.length > 0 && (group.length >= limits.maxFiles || bytes + entry.size > limits.maxBytes)) {
      groups.push(group);
      group = [];
      bytes = 0;
    }
    group.push(entry);
    bytes += entry.size;
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/**
 * The groups that are closed: all but the last, which may grow still, and that one too when it is full or its oldest member waited
 * for `maxAgeSeconds`.
 */
export function closedGroups<T extends { size: number; waitedSeconds: number }>(
  groups: readonly T[][],
  limits: GroupLimits & { maxAgeSeconds: number },
): T[][] {
  return groups.filter(
    (group, at) =>
      at < groups.length - 1 ||
      group.length >= limits.maxFiles ||
      group.reduce((sum, { size }) => sum + size, 0) >= limits.maxBytes ||
      group.some(({ waitedSeconds }) => waitedSeconds >= limits.maxAgeSeconds),
  );
}
