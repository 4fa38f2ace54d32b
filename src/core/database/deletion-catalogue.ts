import type { LocationUse } from '../policy/deletion-budget.js';
import type { DeletionFacts } from '../policy/deletion.js';
import type { Reason } from '../policy/reason.js';
import * as begin from './catalogue/deletion-begin.js';
import * as challenges from './catalogue/challenges.js';
import * as copies from './catalogue/copies.js';
import * as facts from './catalogue/deletion-facts.js';
import * as holds from './catalogue/holds.js';
import * as queue from './catalogue/deletion-queue.js';
import * as schedule from './catalogue/deletion-schedule.js';
import * as targets from './catalogue/deletion-targets.js';
import type { Location, ReadRange } from './records.js';
import type { Transactions } from './transactions.js';

/**
 * Deletion: what may go and why not, what is scheduled, held, challenged and begun. Nothing else marks bytes for deletion. Throws as
 * {@link Catalogue} does.
 */
export class DeletionCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** The catalogue's clock, by which all of this is decided. */
  now(): Promise<Date> {
    return this.transactions.read((manager) => facts.clock(manager));
  }

  /** What is known of packages for their deletion. */
  facts(packageIds: string[]): Promise<DeletionFacts[]> {
    return this.transactions.read((manager) => facts.deletionFacts(manager, packageIds));
  }

  /** What of a package is due to be freed at a location, or was begun there; {@link begin} says whether it may go. */
  dueAt(packageId: string, location: Location): ReturnType<typeof facts.dueAt> {
    return this.transactions.read((manager) => facts.dueAt(manager, packageId, location));
  }

  /** Archived packages of which something takes up space at a site, and that are not put off for this run of a planner. */
  candidates(site: string, limit: number, run: queue.PlannerRun): Promise<string[]> {
    return this.transactions.read((manager) => queue.candidates(manager, site, limit, run));
  }

  /** A place where something of a package takes up space and may be freed at all: its site's planner looks at it. */
  placeToFree(packageId: string): ReturnType<typeof queue.placeToFree> {
    return this.transactions.read((manager) => queue.placeToFree(manager, packageId));
  }

  /** Every package of which something is at deletable places of a site (of all sites without one), page by page. */
  packagesWithTargets(which: targets.TargetsPage): Promise<string[]> {
    return this.transactions.read((manager) => targets.packagesWithTargets(manager, which));
  }

  /** Schedules what may go of a package within the budget of each location; tells what is due. */
  schedule(packageId: string, rules: schedule.RulesByLocation): Promise<schedule.PackagePlan> {
    return this.transactions.write((manager) => schedule.scheduleDeletion(manager, packageId, rules));
  }

  /** {@link schedule} for some of the {@link candidates}; what another planner has dealt with since is left out. */
  scheduleFound(
    packageIds: string[],
    rules: schedule.RulesByLocation,
    run: queue.PlannerRun,
  ): Promise<schedule.PackagePlan[]> {
    return this.transactions.write((manager) => schedule.scheduleFound(manager, packageIds, rules, run));
  }

  /** What {@link schedule} would do, written nowhere; `uses` carries what is spent of the budgets from page to page. */
  dryRun(
    packageIds: string[],
    rules: schedule.RulesByLocation,
    uses: Map<string, LocationUse> = new Map(),
  ): Promise<schedule.PackagePlan[]> {
    return this.transactions.read((manager) => schedule.dryRun(manager, packageIds, rules, uses));
  }

  /**
   * The last look before bytes go: answers with what it rests on, which is in the audit log then, or with every reason why not.
   * Seal the log before anything is removed.
   */
  begin(request: begin.DeletionRequest): Promise<begin.DeletionAnswer> {
    return this.transactions.write((manager) => begin.beginDeletion(manager, request));
  }

  /** The same look once more, when the evidence is sealed: nothing may go that has become doubtful, held or unproven since. */
  confirm(request: begin.DeletionRequest): Promise<begin.DeletionAnswer> {
    return this.transactions.write((manager) => begin.confirmDeletion(manager, request));
  }

  /** Takes a scheduled or begun deletion back for a reason that the catalogue does not know. */
  refuse(packageId: string, targetId: string, reasons: Reason[]): Promise<void> {
    return this.transactions.write((manager) => begin.refuseDeletion(manager, packageId, targetId, reasons));
  }

  /** @throws DeletionError if the deletion was not begun */
  recordCopyDeleted(copyId: string): Promise<void> {
    return this.transactions.write((manager) => copies.recordCopyDeleted(manager, copyId));
  }

  // --- challenges --------------------------------------------------------------------------------------------------

  recordChallenge(challenge: challenges.NewChallenge): Promise<void> {
    return this.transactions.write((manager) => challenges.recordChallenge(manager, challenge));
  }

  /** A copy that failed a challenge counts for nothing until it was read back in full. */
  recordDoubt(copyId: string, words: string): Promise<void> {
    return this.transactions.write((manager) => challenges.recordDoubt(manager, copyId, words));
  }

  notedRanges(copyId: string): Promise<ReadRange[]> {
    return this.transactions.read((manager) => challenges.notedRanges(manager, copyId));
  }

  challengedRanges(packageId: string): ReturnType<typeof challenges.challengedRanges> {
    return this.transactions.read((manager) => challenges.challengedRanges(manager, packageId));
  }

  // --- holds -------------------------------------------------------------------------------------------------------

  /** Holds what a word names; deletions of it that were scheduled are so no more. */
  hold(word: string, reason: string, by: string): Promise<holds.HoldPlaced> {
    return this.transactions.write(async (manager) =>
      holds.placeHold(manager, await holds.holdSubject(manager, word), reason, by),
    );
  }

  release(word: string, by: string): Promise<holds.HoldReleased> {
    return this.transactions.write(async (manager) =>
      holds.releaseHold(manager, await holds.holdSubject(manager, word), by),
    );
  }

  holds(which: { released?: boolean } = {}): Promise<holds.DeletionHold[]> {
    return this.transactions.read((manager) => holds.holds(manager, which));
  }
}
