import type { SettingPlace, Settings } from '../settings-manager.js';

const DAY = 86_400;

/** What a staging job is bounded by. */
export interface StagingLimits {
  maxBytesPerJob: number;
  maxPackagesPerJob: number;
  /** How long files stay where nothing is said, and at most, in seconds. */
  keepSeconds: number;
  maxKeepSeconds: number;
}

/**
 * The limits at a processing location, as the settings are now.
 *
 * @param destination `site.location`, as a request names it; what is no such name gets the limits of no place in particular
 */
export async function stagingLimits(settings: Settings, destination: unknown): Promise<StagingLimits> {
  const [site, location] = typeof destination === 'string' ? destination.split('.') : [];
  const place: SettingPlace = site && location ? { site, location } : {};
  return {
    maxBytesPerJob: await settings.get('staging.max_bytes_per_job', place),
    maxPackagesPerJob: await settings.get('staging.max_packages_per_job', place),
    keepSeconds: DAY * (await settings.get('staging.keep_days', place)),
    maxKeepSeconds: DAY * (await settings.get('staging.max_keep_days', place)),
  };
}
