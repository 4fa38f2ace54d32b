import { IsNull, type EntityManager } from 'typeorm';
import { uniqueId } from '../../utilities/unique-id.js';
import { ProblemEntity } from '../entities/problem.js';
import type { NewProblem, Problem } from '../records.js';
import { rows, textHash } from './sql.js';

const MOST_ANSWERED = 1000;

export async function reportProblem(manager: EntityManager, problem: NewProblem): Promise<void> {
  const { errorClass, operation, subject, message, advice, workflowId, sourceLocationId } = problem;
  await rows(
    manager,
    `insert into problem as old (id, error_class, operation, subject, subject_hash, message, advice, workflow_id,
       source_location_id, first_at, last_at, count)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now(), now(), 1)
     on conflict (error_class, operation, subject_hash) where resolved_at is null do update set
       message = excluded.message, advice = excluded.advice, last_at = now(), count = old.count + 1,
       workflow_id = coalesce(excluded.workflow_id, old.workflow_id)`,
    [
      uniqueId(),
      errorClass,
      operation,
      subject,
      subjectHash(subject, sourceLocationId),
      message,
      advice ?? null,
      workflowId ?? null,
      sourceLocationId ?? null,
    ],
  );
}

export async function resolveProblems(
  manager: EntityManager,
  which: { workflowId: string } | { operation: string; subject: string },
): Promise<void> {
  const open = { resolvedAt: IsNull() };
  await manager.update(ProblemEntity, { ...open, ...which }, { resolvedAt: () => 'now()' });
}

/** Closes the problems of an operation about these subjects of one source. */
export async function resolveProblemsOfSource(
  manager: EntityManager,
  operation: string,
  sourceLocationId: string,
  subjects: string[],
): Promise<void> {
  await rows(
    manager,
    `update problem set resolved_at = now() where resolved_at is null and operation = $1 and subject_hash = any($2)`,
    [operation, subjects.map((subject) => subjectHash(subject, sourceLocationId))],
  );
}

export async function openProblems(manager: EntityManager, sourceLocationId?: string): Promise<Problem[]> {
  const open = { resolvedAt: IsNull() };
  const found = await manager.find(ProblemEntity, {
    where:
      sourceLocationId === undefined
        ? open
        : [
            { ...open, sourceLocationId },
            { ...open, sourceLocationId: IsNull() },
          ],
    order: { lastAt: 'desc', id: 'asc' },
    take: MOST_ANSWERED,
  });
  return found.map((entity) => ({
    id: entity.id,
    errorClass: entity.errorClass,
    operation: entity.operation,
    subject: entity.subject,
    message: entity.message,
    advice: entity.advice ?? undefined,
    workflowId: entity.workflowId ?? undefined,
    sourceLocationId: entity.sourceLocationId ?? undefined,
    firstAt: entity.firstAt.toISOString(),
    lastAt: entity.lastAt.toISOString(),
    count: entity.count,
  }));
}

function subjectHash(subject: string, sourceLocationId: string | undefined): string {
  return textHash(`${sourceLocationId ?? ''}\n${subject}`);
}
