import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { PackagePlan, RulesByLocation } from '../../../src/core/database/catalogue/deletion-schedule.js';
import type { DeletionBudget } from '../../../src/core/policy/deletion-budget.js';
import type { DeletionRules } from '../../../src/core/policy/deletion.js';

/** One copy is enough, and nothing is waited for. */
export const AT_ONCE: DeletionRules = {
  requiredCopies: 1,
  maxVerificationAgeSeconds: 86_400,
  maxChallengeAgeSeconds: 3600,
  retentionSeconds: 0,
  archivedSeconds: 0,
  graceSeconds: 0,
  onlyUnderPressure: false,
};

export const NO_BUDGET: DeletionBudget = { seconds: 3600, bytes: 1e15, copies: 1e6, share: 1 };

/** The same rules everywhere. */
export async function rulesEverywhere(
  catalogue: Catalogue,
  rules: Partial<DeletionRules> = {},
  budget: Partial<DeletionBudget> = {},
): Promise<RulesByLocation> {
  const own = { rules: { ...AT_ONCE, ...rules }, budget: { ...NO_BUDGET, ...budget } };
  return Object.fromEntries((await catalogue.locations()).map((one) => [one.id, own]));
}

/** Places where something of a package is due, after it was scheduled. */
export async function due(
  catalogue: Catalogue,
  packageId: string,
  rules: Partial<DeletionRules> = {},
): Promise<string[]> {
  return duePlaces(await catalogue.deletions.schedule(packageId, await rulesEverywhere(catalogue, rules)));
}

export function duePlaces({ planned }: PackagePlan): string[] {
  return planned
    .filter(({ outcome }) => outcome === 'due')
    .map(({ target }) => `${target.location.site}.${target.location.name}`)
    .sort();
}

/** All archive copies of a package answer well. */
export async function challenged(catalogue: Catalogue, packageId: string): Promise<void> {
  for (const copy of await catalogue.copiesOfPackage(packageId))
    if (copy.location.locationType === 'long_term_archive')
      await catalogue.deletions.recordChallenge({ copyId: copy.id, method: 'full', ranges: [] });
}

/** Takes one copy, or the files at the source, as far as bytes would go. */
export async function begin(
  catalogue: Catalogue,
  packageId: string,
  targetId: string,
  rules: Partial<DeletionRules> = {},
) {
  return catalogue.deletions.begin({ packageId, targetId, rules: { ...AT_ONCE, ...rules } });
}
