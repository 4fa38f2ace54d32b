import { activityInfo } from '@temporalio/activity';
import type { PackagePlan } from '../core/database/catalogue/deletion-schedule.js';
import type { Location } from '../core/database/records.js';
import { deletionRules } from '../core/deletion-rules.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy } from './liveness.js';

export interface Place {
  site: string;
  location: string;
}

/** A package of which something is due to be freed: where, and which archives have to answer for it first. */
export interface DueDeletion {
  packageId: string;
  name: string;
  observation: string;
  order: { archives: Place[]; targets: Place[] };
}

/** Packages that one run of a planner decides about, at most. */
const AT_ONCE = 300;

/** The part of a deletion that needs the catalogue alone: what may go, and what is due. */
export function makeDeletionPlanningActivities({ catalogue, settings, log }: Dependencies) {
  return {
    /**
     * Decides about what takes up space at a site: schedules what may go, within the budget of each location, puts off what may not,
     * and answers with the packages of which something is due now. Also keeps house: links what was written since into the audit log's
     * chain, and adds up the tallies. Asked again by the same run, whose first answer got lost, it answers with the same.
     */
    async planDeletions(input: { site: string }): Promise<DueDeletion[]> {
      return whileBusy(async (signal) => {
        const rules = await deletionRules(settings, await catalogue.locations());
        const { workflowExecution, activityId } = activityInfo();
        const runId = workflowExecution?.runId ?? activityId;
        const due: DueDeletion[] = [];
        for (const packageId of await catalogue.deletions.candidates(input.site, AT_ONCE, runId)) {
          signal.throwIfAborted();
          const plan = await catalogue.deletions.scheduleFound(packageId, rules, runId);
          if (plan === undefined) continue;
          const { name, observation } = plan.facts.package;
          const order = orderOf(plan);
          if (order.targets.length > 0) due.push({ packageId, name, observation, order });
        }
        await catalogue.addUpTallies();
        const head = await catalogue.auditLog.seal();
        if (head !== undefined) log.info('audit log sealed', { ...head });
        return due;
      });
    },

    /** What is due of one package by now: for a deletion whose planner looked a while ago. */
    async deletionOrder(input: { packageId: string }): Promise<DueDeletion['order']> {
      return whileBusy(async () => {
        const rules = await deletionRules(settings, await catalogue.locations());
        return orderOf(await catalogue.deletions.schedule(input.packageId, rules));
      });
    },
  };
}

function orderOf(plan: PackagePlan): DueDeletion['order'] {
  const due = plan.planned.flatMap(({ outcome, target }) => (outcome === 'due' ? [target.location] : []));
  return { archives: due.length > 0 ? places(archivesOf(plan)) : [], targets: places(due) };
}

/** The archives that may have a copy that counts. */
function archivesOf({ facts }: PackagePlan): Location[] {
  return facts.copies
    .filter(
      (one) =>
        one.location.locationType === 'long_term_archive' && one.state === 'present' && one.location.active,
    )
    .map((one) => one.location);
}

function places(locations: readonly Location[]): Place[] {
  return locations.map(({ site, name }) => ({ site, location: name }));
}
