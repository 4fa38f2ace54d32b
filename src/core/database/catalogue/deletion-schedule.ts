import type { EntityManager } from 'typeorm';
import {
  spend,
  whyBeyondBudget,
  type DeletionBudget,
  type LocationUse,
} from '../../policy/deletion-budget.js';
import {
  mayGo,
  type DeletionFacts,
  type DeletionRules,
  type DeletionTarget,
  type Verdict,
} from '../../policy/deletion.js';
import type { Reason } from '../../policy/reason.js';
import type { Location } from '../records.js';
import { lookAgainAt } from '../../policy/deletion-backoff.js';
import { audit } from './audit.js';
import { lookAt } from './deletion-facts.js';
import { comeBack, notPutOff, putOff, type PlannerRun } from './deletion-queue.js';
import { lock, row, rows } from './sql.js';

/** What holds for deletions at one location. */
export interface LocationRules {
  rules: DeletionRules;
  budget: DeletionBudget;
}

/** The rules of every location, by its ID. */
export type RulesByLocation = Readonly<Record<string, LocationRules>>;

/** What became of one thing that might be deleted. */
export type Planned = { target: DeletionTarget; verdict: Verdict } & (
  { outcome: 'due' } | { outcome: 'scheduled'; until: string } | { outcome: 'kept'; reasons: Reason[] }
);

export interface PackagePlan {
  facts: DeletionFacts;
  planned: Planned[];
}

/** Schedules what may go of one package, within the budget of each location, and tells what is due now. */
export async function scheduleDeletion(
  manager: EntityManager,
  packageId: string,
  rules: RulesByLocation,
): Promise<PackagePlan> {
  await lockBudgets(manager);
  const [plan] = await scheduleAll(manager, [packageId], rules);
  if (plan === undefined) throw new Error('no plan');
  return plan;
}

/**
 * The same for packages that a planner found among many, but those that somebody else has dealt with since. All of them in one transaction: what a
 * location holds and has spent is added up once.
 *
 * @param run the planner that will begin the deletion of what is due
 */
export async function scheduleFound(
  manager: EntityManager,
  packageIds: string[],
  rules: RulesByLocation,
  run: PlannerRun,
): Promise<PackagePlan[]> {
  await lockBudgets(manager);
  return scheduleAll(manager, await notPutOff(manager, packageIds, run), rules, run);
}

/** One at a time: two that spend a budget at once would spend it twice. */
function lockBudgets(manager: EntityManager): Promise<void> {
  return lock(manager, 'deletion budget');
}

/** What may not go puts its package off when nothing else of it is due. */
async function scheduleAll(
  manager: EntityManager,
  packageIds: string[],
  rules: RulesByLocation,
  run?: PlannerRun,
): Promise<PackagePlan[]> {
  await lockForDeletion(manager, packageIds);
  const { facts: all, now } = await lookAt(manager, packageIds);
  const uses = new Map<string, LocationUse>();
  const plans: PackagePlan[] = [];
  for (const facts of all) {
    const planned = await decide(manager, facts, rules, now, uses);
    for (const one of planned)
      if (one.outcome === 'scheduled' && one.target.deleteAfter === undefined)
        await schedule(manager, facts, one.target, one.until);
    const due = planned.map((one) =>
      one.outcome === 'scheduled' && Date.parse(one.until) <= now.getTime()
        ? { target: one.target, verdict: one.verdict, outcome: 'due' as const }
        : one,
    );
    await tellPlanner(manager, facts.package.id, due, now, run);
    plans.push({ facts, planned: due });
  }
  return plans;
}

/**
 * The same answer without writing anything.
 *
 * @param uses what the packages before these would have spent of each location's budget; added to
 */
export async function dryRun(
  manager: EntityManager,
  packageIds: string[],
  rules: RulesByLocation,
  uses: Map<string, LocationUse>,
): Promise<PackagePlan[]> {
  const { facts: all, now } = await lookAt(manager, packageIds);
  const plans: PackagePlan[] = [];
  for (const facts of all) plans.push({ facts, planned: await decide(manager, facts, rules, now, uses) });
  return plans;
}

async function decide(
  manager: EntityManager,
  facts: DeletionFacts,
  rules: RulesByLocation,
  now: Date,
  uses: Map<string, LocationUse>,
): Promise<Planned[]> {
  const planned: Planned[] = [];
  for (const target of facts.targets.filter(isPlannedFor)) {
    const own = rules[target.location.id];
    if (own === undefined) continue;
    const verdict = mayGo(target, facts, own.rules, now, 'plan');
    if (target.state === 'deletion_in_progress') planned.push({ target, verdict, outcome: 'due' });
    else if (!verdict.may) planned.push({ target, verdict, outcome: 'kept', reasons: verdict.reasons });
    else if (target.deleteAfter !== undefined)
      planned.push({ target, verdict, outcome: 'scheduled', until: target.deleteAfter });
    else {
      const { location } = target;
      const use = uses.get(location.id) ?? (await useOf(manager, location, own.budget, now));
      const beyond = whyBeyondBudget(`${location.site}.${location.name}`, use, own.budget, target);
      uses.set(location.id, beyond === undefined ? spend(use, target) : use);
      const until = new Date(now.getTime() + own.rules.graceSeconds * 1000).toISOString();
      planned.push(
        beyond === undefined
          ? { target, verdict, outcome: 'scheduled', until }
          : { target, verdict, outcome: 'kept', reasons: [beyond] },
      );
    }
  }
  return planned;
}

/** Staged copies are cleaned by those who staged them; an archive's copies are never planned for. */
function isPlannedFor({ location, state }: DeletionTarget): boolean {
  return (
    location.locationType !== 'long_term_archive' &&
    location.locationType !== 'processing' &&
    state !== 'deleted'
  );
}

async function schedule(
  manager: EntityManager,
  facts: DeletionFacts,
  target: DeletionTarget,
  until: string,
): Promise<void> {
  const { location } = target;
  if (target.kind === 'copy')
    await rows(
      manager,
      `update physical_copy set state = 'deletion_scheduled', delete_after = $2, scheduled_at = clock_timestamp()
       where id = $1 and state not in ('deletion_scheduled', 'deletion_in_progress', 'deleted')`,
      [target.id, until],
    );
  else
    await rows(
      manager,
      `insert into package_deletion (raw_data_package_id, source_delete_after, source_scheduled_at, refusals)
       values ($1, $2, clock_timestamp(), 0)
       on conflict (raw_data_package_id) do update set
         source_delete_after = excluded.source_delete_after, source_scheduled_at = excluded.source_scheduled_at`,
      [target.id, until],
    );
  await audit(manager, 'deletion_scheduled', subjectOf(target), {
    package: facts.package.name,
    location: `${location.site}.${location.name}`,
    bytes: target.bytes,
    deleteAfter: until,
  });
}

async function tellPlanner(
  manager: EntityManager,
  packageId: string,
  planned: Planned[],
  now: Date,
  run: PlannerRun | undefined,
): Promise<void> {
  const handedOn = planned.some((one) => one.outcome === 'due');
  const untils = planned.flatMap((one) => (one.outcome === 'scheduled' ? [Date.parse(one.until)] : []));
  if (handedOn || untils.length > 0)
    await comeBack(manager, packageId, lookAgainAt(handedOn, untils, now), handedOn ? run : undefined);
  else {
    const reasons = planned.flatMap((one) => (one.outcome === 'kept' ? one.reasons : []));
    if (reasons.length > 0) await putOff(manager, packageId, reasons, now);
  }
}

/** What a location holds, and what of it was scheduled within the while of its budget. */
async function useOf(
  manager: EntityManager,
  location: Location,
  budget: DeletionBudget,
  now: Date,
): Promise<LocationUse> {
  const since = new Date(now.getTime() - budget.seconds * 1000);
  const use = await row<LocationUse>(
    manager,
    location.locationType === 'source'
      ? `with spent as (
           select p.payload_bytes, p.source_freed_at from package_deletion d join raw_data_package p on p.id = d.raw_data_package_id
           where d.source_scheduled_at > $2 and p.source_location_id = $1
         )
         select ((select coalesce(sum(payload_bytes), 0) from raw_data_package where source_location_id = $1 and source_freed_at is null)
             + coalesce(sum(payload_bytes) filter (where source_freed_at is not null), 0))::float8 as bytes,
           coalesce(sum(payload_bytes), 0)::float8 as "spentBytes", count(*)::integer as "spentCopies" from spent`
      : `select coalesce(sum(bytes), 0)::float8 as bytes, coalesce(sum(bytes) filter (where scheduled_at > $2), 0)::float8 as "spentBytes",
           count(*) filter (where scheduled_at > $2)::integer as "spentCopies"
         from physical_copy where data_location_id = $1 and (state <> 'deleted' or scheduled_at > $2)`,
    [location.id, since],
  );
  return use ?? { bytes: 0, spentBytes: 0, spentCopies: 0 };
}

/**
 * Whoever decides about packages' copies waits for whoever does so now, for a hold on their observation, and for whoever switches one of their
 * places off or moves it to another failure domain; and they wait for it. By one statement (migration 0034), which takes one lock after the other and
 * looks anew before each: what came while it waited for one is among the next.
 */
export async function lockForDeletion(manager: EntityManager, packageIds: readonly string[]): Promise<void> {
  // In one order, whoever asks: two that want the same two don't wait for each other.
  await rows(manager, 'select lock_for_deletion(id) from unnest($1::uuid[]) as id', [[...packageIds].sort()]);
}

/** What the audit log calls a target. */
export function subjectOf(target: Pick<DeletionTarget, 'kind' | 'id'>): { table: string; id: string } {
  return { table: target.kind === 'copy' ? 'physical_copy' : 'raw_data_package', id: target.id };
}
