import type { DiskPolicy } from './database/catalogue/measurements.js';
import type { Location } from './database/records.js';
import type { DiskRules } from './policy/disk-level.js';
import type { Settings } from './settings-manager.js';

type Place = Pick<Location, 'site' | 'name'>;

/** A level that was reached is left only so far below its threshold, as a share of the disk. */
const HYSTERESIS_SHARE = 0.02;
/** A disk that was not measured for so many rounds, and for so long, is one that nobody measures any more. */
const MISSED_ROUNDS = 5;
const LEAST_STALE_SECONDS = 300;

/** What the settings say about the levels of a location's disk, as of now. */
export async function diskRulesAt(settings: Settings, { site, name }: Place): Promise<DiskRules> {
  const place = { site, location: name };
  const critical = (await settings.get('monitoring.critical_percent', place)) / 100;
  // Thresholds that a file or a variable gives in the wrong order count as the lower one.
  const high = Math.min(critical, (await settings.get('monitoring.high_percent', place)) / 100);
  const warn = Math.min(high, (await settings.get('monitoring.warn_percent', place)) / 100);
  const freeBytes = await settings.get('monitoring.critical_free_bytes', place);
  return {
    thresholds: {
      warn: { usedShare: warn, freeBytes: 0 },
      high: { usedShare: high, freeBytes: 0 },
      critical: { usedShare: critical, freeBytes },
    },
    hysteresisShare: HYSTERESIS_SHARE,
  };
}

/** How long a measurement of a location's disk holds, in seconds. */
export async function measurementHoldsFor(settings: Settings, { site, name }: Place): Promise<number> {
  const interval = await settings.get('monitoring.interval_seconds', { site, location: name });
  return Math.max(LEAST_STALE_SECONDS, MISSED_ROUNDS * interval);
}

/** How the disks of all of these locations are judged. */
export async function diskPolicy(settings: Settings, locations: readonly Location[]): Promise<DiskPolicy> {
  const judged = await Promise.all(
    locations.map(
      async (one) =>
        [
          one.id,
          {
            rules: await diskRulesAt(settings, one),
            staleSeconds: await measurementHoldsFor(settings, one),
          },
        ] as const,
    ),
  );
  return new Map(judged);
}
