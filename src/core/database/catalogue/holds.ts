import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../exceptions.js';
import { uniqueId } from '../../utilities/unique-id.js';
import { audit } from './audit.js';
import { reconsider } from './deletion-queue.js';
import { asUuid, row, rows } from './sql.js';

/** Who holds a package while an archive copy of it is damaged; an operator's hold lies beside that. */
export const AUDITOR = 'audit';

/** An operator's word that nothing of a package, or of an observation, is to be deleted. Times are ISO 8601. */
export interface DeletionHold {
  id: string;
  kind: 'package' | 'observation';
  /** The package's or the observation's name. */
  name: string;
  subjectId: string;
  reason: string;
  placedBy: string;
  placedAt: string;
  releasedBy?: string;
  releasedAt?: string;
}

/** What a hold came to, for the one who placed it. */
export interface HoldPlaced {
  hold: DeletionHold;
  /** Deletions that were scheduled and are not any more. */
  undone: number;
  /** Deletions that were under way: what is gone of them is gone. */
  underWay: number;
}

export interface HoldSubject {
  kind: 'package' | 'observation';
  id: string;
  name: string;
}

/**
 * Finds the one thing that a word names: a package (name, ID, or a copy's ID), or an observation (name or ID).
 *
 * @throws ConfigurationError if it names none, or several
 */
export async function holdSubject(manager: EntityManager, word: string): Promise<HoldSubject> {
  const found = await rows<HoldSubject>(
    manager,
    `select 'package' as kind, p.id, p.name from raw_data_package p
       where p.name = $1 or p.id = $2 or p.id = (select raw_data_package_id from physical_copy where id = $2)
     union select 'observation', u.id, u.name from executed_obs_unit u where u.name = $1 or u.id = $2`,
    [word, asUuid(word)],
  );
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  throw new ConfigurationError(
    first === undefined
      ? `no package and no observation is called ${word}`
      : `${found.length} things are called ${word}`,
    {
      subject: word,
      advice:
        first === undefined
          ? '`cdt packages` lists the packages with their observations'
          : `name one by its ID: ${found.map((one) => `${one.kind} ${one.id}`).join(', ')}`,
    },
  );
}

/** What the end of a hold came to. */
export interface HoldReleased extends DeletionHold {
  /** Other holds that keep it from being deleted all the same. */
  still: DeletionHold[];
}

/** Places a hold; what was scheduled of it is so no more. One of an operator that is there already gets the new reason added to the log only. */
export async function placeHold(
  manager: EntityManager,
  subject: HoldSubject,
  reason: string,
  by: string,
): Promise<HoldPlaced> {
  const ofPackage = subject.kind === 'package';
  // Deletions that look at the same rows are over by now, or begin after this.
  await rows(
    manager,
    `select from ${ofPackage ? 'raw_data_package' : 'executed_obs_unit'} where id = $1 for update`,
    [subject.id],
  );
  await rows(
    manager,
    `insert into deletion_hold (id, raw_data_package_id, executed_obs_unit_id, reason, placed_by, placed_at)
     values ($1, $2, $3, $4, $5, clock_timestamp()) on conflict do nothing`,
    [uniqueId(), ofPackage ? subject.id : null, ofPackage ? null : subject.id, reason, by],
  );
  const packageIds = await packagesOf(manager, subject);
  const undone = await undoScheduled(manager, packageIds);
  const underWay = await countUnderWay(manager, packageIds);
  const hold = ofOperator(await holds(manager, { subjectId: subject.id }));
  if (hold === undefined)
    throw new ConfigurationError('the hold could not be placed', { subject: subject.name });
  await audit(
    manager,
    'deletion_held',
    { table: ofPackage ? 'raw_data_package' : 'executed_obs_unit', id: subject.id },
    { name: subject.name, reason, by, undone, underWay },
  );
  return { hold, undone, underWay };
}

/**
 * Ends a hold: the operator's, or that of an audit where there is no other.
 *
 * @throws ConfigurationError if there is none
 */
export async function releaseHold(
  manager: EntityManager,
  subject: HoldSubject,
  by: string,
): Promise<HoldReleased> {
  const open = await holds(manager, { subjectId: subject.id });
  const hold = ofOperator(open) ?? open[0];
  if (hold === undefined)
    throw new ConfigurationError(`nothing holds ${subject.kind} ${subject.name}`, {
      subject: subject.name,
      advice: '`cdt hold list` lists the holds',
    });
  await rows(
    manager,
    'update deletion_hold set released_by = $2, released_at = clock_timestamp() where id = $1 and released_at is null',
    [hold.id, by],
  );
  await reconsider(manager, await packagesOf(manager, subject));
  const table = subject.kind === 'package' ? 'raw_data_package' : 'executed_obs_unit';
  await audit(
    manager,
    'deletion_hold_released',
    { table, id: subject.id },
    { name: subject.name, by, reason: hold.reason },
  );
  return { ...hold, releasedBy: by, still: await holds(manager, { over: subject.id }) };
}

function ofOperator(open: DeletionHold[]): DeletionHold | undefined {
  return open.find(({ placedBy }) => placedBy !== AUDITOR);
}

/**
 * Holds that are not released, or all there ever were, the latest first, at most 1000.
 *
 * @param which.subjectId those of one package or observation itself; `over`: those, and of a package that of its observation
 */
export async function holds(
  manager: EntityManager,
  which: { subjectId?: string; over?: string; released?: boolean } = {},
): Promise<DeletionHold[]> {
  const found = await rows<
    Omit<DeletionHold, 'placedAt' | 'releasedAt' | 'releasedBy'> & {
      placedAt: Date;
      releasedAt: Date | null;
      releasedBy: string | null;
    }
  >(
    manager,
    `select h.id, case when p.id is null then 'observation' else 'package' end as kind, coalesce(p.name, u.name) as name,
       coalesce(p.id, u.id) as "subjectId", h.reason, h.placed_by as "placedBy", h.placed_at as "placedAt",
       h.released_by as "releasedBy", h.released_at as "releasedAt"
     from deletion_hold h
     left join lateral (select id, name from raw_data_package where id = h.raw_data_package_id offset 0) p on true
     left join lateral (select id, name from executed_obs_unit where id = h.executed_obs_unit_id offset 0) u on true
     where ($1::uuid is null or coalesce(p.id, u.id) = $1) and (h.released_at is null or $2)
       and ($3::uuid is null or $3 in (p.id, u.id)
         or u.id = (select executed_obs_unit_id from raw_data_package where id = $3))
     order by h.placed_at desc limit 1000`,
    [which.subjectId ?? null, which.released ?? false, which.over ?? null],
  );
  return found.map(({ placedAt, releasedAt, releasedBy, ...one }) => ({
    ...one,
    placedAt: placedAt.toISOString(),
    releasedBy: releasedBy ?? undefined,
    releasedAt: releasedAt?.toISOString(),
  }));
}

async function packagesOf(manager: EntityManager, subject: HoldSubject): Promise<string[]> {
  if (subject.kind === 'package') return [subject.id];
  const found = await rows<{ id: string }>(
    manager,
    'select id from raw_data_package where executed_obs_unit_id = $1 order by id',
    [subject.id],
  );
  return found.map(({ id }) => id);
}

async function undoScheduled(manager: EntityManager, packageIds: string[]): Promise<number> {
  const copies = await rows<{ id: string }>(
    manager,
    `update physical_copy set state = 'present', delete_after = null, scheduled_at = null
     where raw_data_package_id = any($1::uuid[]) and state = 'deletion_scheduled' returning id`,
    [packageIds],
  );
  const sources = await rows<{ id: string }>(
    manager,
    `update package_deletion set source_delete_after = null, source_scheduled_at = null
     where raw_data_package_id = any($1::uuid[]) and source_delete_after is not null returning raw_data_package_id as id`,
    [packageIds],
  );
  for (const { id } of copies) await audit(manager, 'deletion_undone', { table: 'physical_copy', id });
  for (const { id } of sources) await audit(manager, 'deletion_undone', { table: 'raw_data_package', id });
  return copies.length + sources.length;
}

async function countUnderWay(manager: EntityManager, packageIds: string[]): Promise<number> {
  const found = await row<{ count: number }>(
    manager,
    `select ((select count(*) from physical_copy where raw_data_package_id = any($1::uuid[]) and state = 'deletion_in_progress')
       + (select count(*) from package_deletion d join raw_data_package p on p.id = d.raw_data_package_id
          where p.id = any($1::uuid[]) and d.source_begun_at is not null and p.source_freed_at is null))::integer as count`,
    [packageIds],
  );
  return found?.count ?? 0;
}
