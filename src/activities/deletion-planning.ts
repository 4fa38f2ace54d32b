import { activityInfo } from '@temporalio/activity';
import type { PackagePlan } from '../core/database/catalogue/deletion-schedule.js';
import type { Location } from '../core/database/records.js';
import { deletionRules } from '../core/deletion-rules.js';
import type { Place } from '../core/journey-inputs.js';
import type { Dependencies } from './dependencies.js';
import { started, type DueDeletion } from './journey-orders.js';
import { whileBusy } from './liveness.js';

/** Packages that one run of a planner decides about, at most. */
const AT_ONCE = 300;
/** Of them those in one transaction: whoever deletes one of them, or holds it, waits for so many. */
const LOCKED_AT_ONCE = 20;

/** The part of a deletion that needs the catalogue alone: what may go, and what is due. */
export function makeDeletionPlanningActivities(dependencies: Dependencies) {
  const { catalogue, settings, log } = dependencies;
  return {
    /**
     * Decides about what takes up space at a site: schedules what may go, within the budget of each location, puts off what may not,
     * starts the deletions of packages of which something is due now, and answers with them. Also keeps house: links what was written since
     * into the audit log's chain, and adds up the tallies. Asked again by the same run, whose first try got lost, it finds what is still due.
     */
    async planDeletions(input: { site: string }): Promise<DueDeletion[]> {
      return whileBusy(async (signal) => {
        const rules = await deletionRules(settings, await catalogue.locations());
        const { workflowExecution, activityId } = activityInfo();
        const runId = workflowExecution?.runId ?? activityId;
        const due: DueDeletion[] = [];
        const found = await catalogue.deletions.candidates(input.site, AT_ONCE, runId);
        for (let from = 0; from < found.length; from += LOCKED_AT_ONCE) {
          signal.throwIfAborted();
          const some = found.slice(from, from + LOCKED_AT_ONCE);
          for (const plan of await catalogue.deletions.scheduleFound(some, rules, runId)) {
            const { id: packageId, name, observation } = plan.facts.package;
            const order = orderOf(plan);
            if (order.targets.length > 0) due.push({ packageId, name, observation, order });
          }
        }
        await catalogue.addUpTallies();
        const head = await catalogue.auditLog.seal();
        if (head !== undefined) log.info('audit log sealed', { ...head });
        return started(dependencies, 'deletion', due);
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
