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
import { clock, deletionFacts } from './deletion-facts.js';
import { comeBack, isPutOff, putOff, type PlannerRun } from './deletion-queue.js';
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

/**
 * Schedules what may go of one package, within the budget of each location, and tells what is due now. What may not go puts the
 * package off when nothing else of it is due.
 *
 * @param run the planner that will begin the deletion of what is due
 */
export async function scheduleDeletion(
  manager: EntityManager,
  packageId: string,
  rules: RulesByLocation,
  run?: PlannerRun,
): Promise<PackagePlan> {
  // One at a time: two that spend a budget at once would spend it twice.
  await lock(manager, 'deletion budget');
  await lockPackage(manager, packageId);
  const now = await clock(manager);
  const { facts, planned } = await planOf(manager, packageId, rules, now);
  for (const one of planned)
    if (one.outcome === 'scheduled' && one.target.deleteAfter === undefined)
      await schedule(manager, facts, one.target, one.until);
  const due = planned.map((one) =>
    one.outcome === 'scheduled' && Date.parse(one.until) <= now.getTime()
      ? { target: one.target, verdict: one.verdict, outcome: 'due' as const }
      : one,
  );
  await tellPlanner(manager, packageId, due, now, run);
  return { facts, planned: due };
}

/** The same for a package that a planner found among many; undefined where somebody else has dealt with it since. */
export async function scheduleFound(
  manager: EntityManager,
  packageId: string,
  rules: RulesByLocation,
  run: PlannerRun,
): Promise<PackagePlan | undefined> {
  await lock(manager, 'deletion budget');
  if (await isPutOff(manager, packageId, run)) return undefined;
  return scheduleDeletion(manager, packageId, rules, run);
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
  const now = await clock(manager);
  const plans: PackagePlan[] = [];
  for (const facts of await deletionFacts(manager, packageIds))
    plans.push({ facts, planned: await decide(manager, facts, rules, now, uses) });
  return plans;
}

async function planOf(
  manager: EntityManager,
  packageId: string,
  rules: RulesByLocation,
  now: Date,
): Promise<PackagePlan> {
  const [facts] = await deletionFacts(manager, [packageId]);
  if (facts === undefined) throw new Error('no facts');
  return { facts, planned: await decide(manager, facts, rules, now, new Map()) };
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

/** Whoever decides about a package's copies waits for whoever does so now; a hold on its observation, too. */
export async function lockPackage(manager: EntityManager, packageId: string): Promise<void> {
  await rows(
    manager,
    'select from executed_obs_unit where id = (select executed_obs_unit_id from raw_data_package where id = $1) for share',
    [packageId],
  );
  await rows(manager, 'select from raw_data_package where id = $1 for update', [packageId]);
  await rows(manager, 'select from physical_copy where raw_data_package_id = $1 order by id for update', [
    packageId,
  ]);
}

/** What the audit log calls a target. */
export function subjectOf(target: Pick<DeletionTarget, 'kind' | 'id'>): { table: string; id: string } {
  return { table: target.kind === 'copy' ? 'physical_copy' : 'raw_data_package', id: target.id };
}
