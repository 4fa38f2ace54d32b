import type { Notice } from '../notifications/notice.js';
import type { DiskCondition } from './buffer-space.js';
import { fullAt, percent, rank, usedShare, type DiskLevel, type DiskSpace } from './disk-level.js';

/** What people are told when the disk of a location is fuller or emptier than before, or can't be used. */

interface Measured {
  condition: DiskCondition;
  reason?: string;
  level: DiskLevel;
  space: DiskSpace;
  /** ISO 8601. */
  measuredAt: string;
  bytesPerSecond?: number;
}

interface Place {
  site: string;
  name: string;
  locationType: string;
}

type Reached = Exclude<DiskLevel, 'ok'>;

const KINDS: Record<Reached, string> = {
  warn: 'disk_warn',
  high: 'disk_high',
  critical: 'disk_critical',
};

/** What is news after a measurement; nothing while all is as it was. */
export function whatChanged(place: Place, before: Measured | undefined, now: Measured): Notice[] {
  const about = { subject: `${place.site}.${place.name}` };
  const wasUsable = (before?.condition ?? 'usable') === 'usable';
  if (now.condition !== 'usable') {
    if (!wasUsable && before?.condition === now.condition) return [];
    return [
      {
        ...about,
        level: 'critical',
        kind: 'location_unusable',
        happened: `${about.subject} can't be used (${now.condition}): ${now.reason ?? 'nobody knows why'}`,
        tried: TRIED[place.locationType],
        advice: 'Mount or mend its disk. It is measured again by itself, and used again when it is well.',
      },
    ];
  }
  const notices: Notice[] = [];
  if (!wasUsable)
    notices.push({
      ...about,
      level: 'info',
      kind: 'location_usable',
      happened: `${about.subject} can be used again`,
      resolves: 'location_unusable',
    });
  const last = before?.level ?? 'ok';
  if (rank(now.level) > rank(last) && now.level !== 'ok')
    notices.push({
      ...about,
      level: now.level === 'critical' ? 'critical' : 'warning',
      kind: KINDS[now.level],
      happened: `${about.subject} is ${percent(usedShare(now.space))} full (${now.level}); it was ${last} before${forecast(now)}`,
      tried: now.level === 'warn' ? undefined : BACKPRESSURE[place.locationType]?.[now.level],
      advice:
        'Free space there, or see with `cdt deletion plan` and `cdt explain` what keeps copies that are archived.',
    });
  else if (now.level !== last)
    notices.push({
      ...about,
      level: 'info',
      kind: 'disk_eased',
      happened: `${about.subject} is ${percent(usedShare(now.space))} full (${now.level}); it was ${last} before`,
      resolves: Object.entries(KINDS).flatMap(([level, kind]) =>
        rank(level as Reached) > rank(now.level) ? [kind] : [],
      ),
    });
  return notices;
}

const TRIED: Record<string, string | undefined> = {
  buffer: 'New packages go to the next buffer of the site, where there is one.',
};

const BACKPRESSURE: Record<string, Record<'high' | 'critical', string> | undefined> = {
  buffer: {
    high: 'New data goes to other buffers of the site, where there are any with more room.',
    critical: 'Nothing new is packaged into it or sent to it; what is under way goes on.',
  },
};

function forecast({ space, bytesPerSecond, measuredAt }: Measured): string {
  const full = fullAt(space, bytesPerSecond, Date.parse(measuredAt));
  return full === undefined ? '' : `, and full at about ${new Date(full).toISOString().slice(0, 16)} UTC`;
}
