import type { LocationRules, RulesByLocation } from './database/catalogue/deletion-schedule.js';
import type { Location } from './database/records.js';
import type { Settings } from './settings-manager.js';

const HOUR = 3600;

/** What the settings say about deletions at a location, as of now. */
export async function deletionRulesAt(
  settings: Settings,
  location: Pick<Location, 'site' | 'name'>,
): Promise<LocationRules> {
  const place = { site: location.site, location: location.name };
  return {
    rules: {
      requiredCopies: await settings.get('deletion.required_copies', place),
      maxVerificationAgeSeconds: (await settings.get('deletion.verification_age_hours', place)) * HOUR,
      maxChallengeAgeSeconds: (await settings.get('deletion.challenge_age_minutes', place)) * 60,
      retentionSeconds: (await settings.get('deletion.retention_hours', place)) * HOUR,
      archivedSeconds: (await settings.get('deletion.archived_hours', place)) * HOUR,
      graceSeconds: (await settings.get('deletion.grace_hours', place)) * HOUR,
      onlyUnderPressure: await settings.get('deletion.only_under_pressure', place),
    },
    budget: {
      seconds: (await settings.get('deletion.budget_hours', place)) * HOUR,
      bytes: await settings.get('deletion.budget_bytes', place),
      copies: await settings.get('deletion.budget_copies', place),
      share: await settings.get('deletion.budget_share', place),
    },
  };
}

/** The rules of all of these locations, by their IDs. */
export async function deletionRules(
  settings: Settings,
  locations: readonly Location[],
): Promise<RulesByLocation> {
  const rules = await Promise.all(
    locations.map(async (one) => [one.id, await deletionRulesAt(settings, one)] as const),
  );
  return Object.fromEntries(rules);
}
