import type { EntityManager } from 'typeorm';
import { CLOSED, type Breaker } from '../../policy/breaker.js';
import { ConfigurationError } from '../../exceptions.js';
import { BreakerEntity } from '../entities/breaker.js';
import { audit } from './audit.js';
import { lock, row, rows } from './sql.js';

export type BreakerKind = 'route' | 'store';

/** What a breaker is of: a route by its name, a store as `site.location`. */
export interface BreakerSubject {
  kind: BreakerKind;
  name: string;
}

export interface NamedBreaker extends BreakerSubject {
  breaker: Breaker;
}

/** The breakers that have ever had to count a failure. */
export async function breakers(manager: EntityManager, kind?: BreakerKind): Promise<NamedBreaker[]> {
  const found = await manager.find(BreakerEntity, {
    where: kind === undefined ? {} : { kind },
    order: { name: 'asc' },
  });
  return found.map((one) => ({
    kind: one.kind,
    name: one.name.slice(one.kind.length + 1),
    breaker: toBreaker(one),
  }));
}

/** What a breaker is now; closed where it has never had to count a failure. */
export async function breaker(manager: EntityManager, { kind, name }: BreakerSubject): Promise<Breaker> {
  const found = await manager.findOneBy(BreakerEntity, { name: `${kind}/${name}` });
  return found === null ? CLOSED : toBreaker(found);
}

/** Changes a breaker by a transition, one change at a time; what it was and what it is then. */
export async function changeBreaker(
  manager: EntityManager,
  subject: BreakerSubject,
  change: (breaker: Breaker) => Breaker,
): Promise<{ before: Breaker; after: Breaker }> {
  const name = `${subject.kind}/${subject.name}`;
  await lock(manager, `breaker ${name}`);
  const before = await breaker(manager, subject);
  const after = change(before);
  if (after === before) return { before, after };
  const { lastFailure } = after;
  await rows(
    manager,
    `insert into breaker (name, kind, state, failures, openings, opened_at, next_probe_at, error_class, error_message, failed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict (name) do update set state = excluded.state, failures = excluded.failures, openings = excluded.openings,
       opened_at = excluded.opened_at, next_probe_at = excluded.next_probe_at, error_class = excluded.error_class,
       error_message = excluded.error_message, failed_at = excluded.failed_at, changed_at = now()`,
    [
      name,
      subject.kind,
      after.state,
      after.failures,
      after.openings,
      toDate(after.openedAt),
      toDate(after.nextProbeAt),
      lastFailure?.errorClass ?? null,
      lastFailure?.message ?? null,
      toDate(lastFailure?.at),
    ],
  );
  return { before, after };
}

/**
 * Closes a breaker by an operator's word.
 *
 * @returns what it was
 * @throws ConfigurationError where nothing of this name has ever failed
 */
export async function resetBreaker(
  manager: EntityManager,
  subject: BreakerSubject,
  word: { by: string; reason: string },
): Promise<Breaker> {
  const known = await breakers(manager, subject.kind);
  if (!known.some((one) => one.name === subject.name))
    throw new ConfigurationError(`there is no breaker ${subject.kind}/${subject.name}`, {
      subject: subject.name,
      advice: '`cdt breakers` lists them; a route or a store has one when it has failed for the first time.',
    });
  const { before } = await changeBreaker(manager, subject, () => CLOSED);
  const facts = { ...word, was: before.state, failures: before.failures };
  await audit(manager, 'breaker_reset', await topologyOf(manager, subject), facts);
  return before;
}

/** The row of the topology that a breaker is of. */
async function topologyOf(
  manager: EntityManager,
  { kind, name }: BreakerSubject,
): Promise<{ table: string; id: string }> {
  const [table, query] =
    kind === 'route'
      ? ['data_transfer_route', 'select id from data_transfer_route where name = $1']
      : [
          'data_location',
          `select l.id from data_location l join site s on s.id = l.site_id where s.short_name || '.' || l.name = $1`,
        ];
  const found = await row<{ id: string }>(manager, query, [name]);
  if (found !== undefined) return { table, id: found.id };
  throw new ConfigurationError(`the topology has no ${kind} ${name}`, { subject: name });
}

function toBreaker(entity: BreakerEntity): Breaker {
  const { state, failures, openings, errorClass, errorMessage, failedAt } = entity;
  return {
    state,
    failures,
    openings,
    openedAt: entity.openedAt?.getTime(),
    nextProbeAt: entity.nextProbeAt?.getTime(),
    lastFailure:
      errorClass === null || errorMessage === null || failedAt === null
        ? undefined
        : { errorClass, message: errorMessage, at: failedAt.getTime() },
  };
}

function toDate(milliseconds: number | undefined): Date | null {
  return milliseconds === undefined ? null : new Date(milliseconds);
}
