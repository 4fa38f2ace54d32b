import { IsNull, Not, type EntityManager } from 'typeorm';
import { PlannerVerdictEntity } from '../entities/planner-verdict.js';
import { rows } from './sql.js';

/** What a planner found when it looked last. Times are ISO 8601. */
export interface PlannerVerdict {
  plannerId: string;
  planned: number;
  /** Why it left undone what it did, as sentences; none where it left nothing. */
  reasons: string[];
  /** Since when it has had reasons without a break. */
  since?: string;
  toldAt: string;
}

/** Keeps what a planner found; sentences change with their figures, so `since` is told of the waiting and not of the words. */
export async function recordVerdict(
  manager: EntityManager,
  plannerId: string,
  planned: number,
  reasons: string[],
): Promise<void> {
  await rows(
    manager,
    `insert into planner_verdict as old (planner_id, planned, reasons, since, told_at)
     values ($1, $2, $3, case when $4 then now() end, now())
     on conflict (planner_id) do update set planned = excluded.planned, reasons = excluded.reasons, told_at = excluded.told_at,
       since = case when $4 then coalesce(old.since, excluded.since) end`,
    [plannerId, planned, JSON.stringify([...new Set(reasons)]), reasons.length > 0],
  );
}

/** What every planner that has reasons found last. */
export async function waitingVerdicts(manager: EntityManager): Promise<PlannerVerdict[]> {
  const found = await manager.find(PlannerVerdictEntity, { where: { since: Not(IsNull()) } });
  return found.map(toVerdict);
}

export async function verdict(
  manager: EntityManager,
  plannerId: string,
): Promise<PlannerVerdict | undefined> {
  const found = await manager.findOne(PlannerVerdictEntity, { where: { plannerId } });
  return found === null ? undefined : toVerdict(found);
}

function toVerdict({ plannerId, planned, reasons, since, toldAt }: PlannerVerdictEntity): PlannerVerdict {
  return { plannerId, planned, reasons, since: since?.toISOString(), toldAt: toldAt.toISOString() };
}
