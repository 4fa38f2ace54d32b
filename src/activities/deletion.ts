import type { Location, PhysicalCopy } from '../core/database/records.js';
import { resultPath } from '../core/package/create-package.js';
import { deleteSourceEntries } from '../core/package/delete-source.js';
import { whyKeep, type DeletionRules } from '../core/policy/deletion.js';
import { whyStillNeeded } from '../core/policy/redundancy.js';
import { removeIfPresent, syncDirectory } from '../core/utilities/disk.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy } from './liveness.js';
import { diskPath, fileAt } from './places.js';

export interface DeletionOutcome {
  /** `site.location` */
  place: string;
  deleted: number;
  kept: number;
  /** Why something was kept; the first few. */
  reasons: string[];
}

export type DeletionActivities = ReturnType<typeof makeDeletionActivities>;

const REASONS = 5;

export function makeDeletionActivities(dependencies: Dependencies) {
  const { catalogue, settings } = dependencies;

  return {
    /**
     * Frees what one location holds of a package: the files at a source, the tar in a buffer. The promise is checked here, at
     * this moment, from the catalogue; without enough verified archive copies nothing goes, and the reasons are the outcome.
     */
    async deleteCopies(input: {
      packageId: string;
      place: { site: string; location: string };
    }): Promise<DeletionOutcome> {
      return whileBusy(async (signal) => {
        const location = await catalogue.location(input.place.site, input.place.location);
        const copies = await catalogue.copiesOfPackage(input.packageId);
        const journeys = await catalogue.journeysOfPackage(input.packageId);
        const topology = { locations: await catalogue.locations(), routes: await catalogue.routes() };
        const outcome = {
          place: `${location.site}.${location.name}`,
          deleted: 0,
          kept: 0,
          reasons: [] as string[],
        };
        const rules = await deletionRules(input.place);
        if (location.locationType === 'source')
          return deleteFromSource(input.packageId, location, copies, outcome, rules, signal);
        for (const copy of copies.filter(
          (one) => one.location.id === location.id && one.state !== 'deleted',
        )) {
          const reasons = [
            ...whyKeep(copies, copy, new Date(), rules),
            ...whyStillNeeded(copy, copies, journeys, topology),
          ];
          if (reasons.length > 0) keep(outcome, 1, reasons);
          else await deleteCopy(copy, outcome);
        }
        return outcome;
      });
    },
  };

  async function deletionRules(place: { site: string; location: string }): Promise<DeletionRules> {
    return {
      requiredCopies: await settings.get('deletion.required_copies', place),
      maxVerificationAgeSeconds: (await settings.get('deletion.verification_age_hours', place)) * 3600,
    };
  }

  async function deleteCopy(copy: PhysicalCopy, outcome: DeletionOutcome): Promise<void> {
    const file = fileAt(copy.location, copy.path);
    await catalogue.beginDeletion(copy.id);
    await removeIfPresent(file);
    await removeIfPresent(resultPath(file));
    await syncDirectory(diskPath(copy.location));
    await catalogue.recordCopyDeleted(copy.id);
    outcome.deleted += 1;
  }

  async function deleteFromSource(
    packageId: string,
    source: Location,
    copies: PhysicalCopy[],
    outcome: DeletionOutcome,
    rules: DeletionRules,
    signal: AbortSignal,
  ): Promise<DeletionOutcome> {
    const members = await catalogue.sourceFilesToDelete(packageId);
    const archived = copies.find((copy) => copy.location.locationType === 'long_term_archive');
    // The files have no copy row of their own: the promise for them is that of the package's tar, digest and all.
    const reasons =
      archived === undefined
        ? ['there is no archive copy']
        : whyKeep(copies, { ...archived, id: packageId, location: source }, new Date(), rules);
    if (reasons.length > 0) return keep(outcome, members.length, reasons);
    const { deleted, kept } = await deleteSourceEntries(diskPath(source), members, { signal });
    await catalogue.recordSourceFilesDeleted(packageId, deleted, kept);
    outcome.deleted += deleted.length;
    return keep(
      outcome,
      kept.length,
      kept.map((one) => `${one.path}: ${one.reason}`),
    );
  }
}

function keep(outcome: DeletionOutcome, count: number, reasons: string[]): DeletionOutcome {
  outcome.kept += count;
  outcome.reasons.push(...reasons.slice(0, REASONS - outcome.reasons.length));
  return outcome;
}
