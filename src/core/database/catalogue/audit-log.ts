import type { EntityManager } from 'typeorm';
import {
  CHAIN_START,
  seal,
  type AuditEntry,
  type AuditHead,
  type AuditSeal,
} from '../../policy/audit-chain.js';
import { oneLook } from './one-look.js';
import { asUuid, columns, lock, row, rows } from './sql.js';

/** Entries sealed in one transaction: others wait for it no longer than this takes. */
const SEALED_AT_ONCE = 1000;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/** The columns of an entry `e` as its hash is taken of it. */
export const AUDIT_ENTRY = `e.id, to_char(e.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, e.action,
  e.subject_type as "subjectType", e.subject_id as "subjectId", e.facts`;
const SEAL = `s.sequence::float8 as sequence, s.entry_id as "entryId", s.prev_hash as "prevHash", s.hash`;
// The column, not what it is told as: only that has an index.
const HEAD =
  'select s.sequence::float8 as sequence, s.hash from audit_seal s order by s.sequence desc limit 1';

const unsealed = oneLook<{ entries: AuditEntry; heads: AuditHead }>({
  entries: `select ${AUDIT_ENTRY} from audit_unsealed u join audit_entry e on e.id = u.entry_id order by e.at, e.id limit ${SEALED_AT_ONCE}`,
  heads: HEAD,
});

/** Links entries that no seal names yet into the chain, oldest first; returns its end, and whether there may be more. */
export async function sealSome(
  manager: EntityManager,
): Promise<{ end: AuditHead | undefined; more: boolean }> {
  await lock(manager, 'audit chain');
  const {
    entries,
    heads: [last],
  } = await unsealed(manager, []);
  if (entries.length === 0) return { end: last, more: false };
  const seals: AuditSeal[] = [];
  let before = last ?? CHAIN_START;
  for (const entry of entries) seals.push((before = seal(before, entry)));
  await rows(
    manager,
    `with sealed as (
       insert into audit_seal (sequence, entry_id, prev_hash, hash)
       select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[]) returning entry_id
     )
     delete from audit_unsealed where entry_id in (select entry_id from sealed)`,
    columns(seals, ['sequence', 'entryId', 'prevHash', 'hash']),
  );
  const { sequence, hash } = before;
  return { end: { sequence, hash }, more: entries.length === SEALED_AT_ONCE };
}

export function head(manager: EntityManager): Promise<AuditHead | undefined> {
  return row(manager, HEAD);
}

/** The last place before one; where the chain begins when there is none. */
export async function headBefore(manager: EntityManager, sequence: number): Promise<AuditHead> {
  const found = await row<AuditHead>(
    manager,
    'select s.sequence::float8 as sequence, s.hash from audit_seal s where s.sequence < $1 order by s.sequence desc limit 1',
    [sequence],
  );
  return found ?? CHAIN_START;
}

export function sealAt(
  manager: EntityManager,
  sequence: number,
): Promise<Pick<AuditSeal, 'entryId' | 'hash'> | undefined> {
  return row(manager, 'select entry_id as "entryId", hash from audit_seal where sequence = $1', [sequence]);
}

export interface SealedEntry {
  seal: AuditSeal;
  /** Undefined where the entry is gone. */
  entry?: AuditEntry;
}

/** Seals behind a place, in their order. */
export async function sealsAfter(
  manager: EntityManager,
  sequence: number,
  limit: number,
): Promise<SealedEntry[]> {
  const found = await rows<AuditSeal & { entry: AuditEntry | null }>(
    manager,
    `select ${SEAL}, (select to_jsonb(f) from (select ${AUDIT_ENTRY} from audit_entry e where e.id = s.entry_id) f) as entry
     from audit_seal s where s.sequence > $1 order by s.sequence limit $2`,
    [sequence, limit],
  );
  return found.map(({ entry, ...one }) => ({ seal: one, entry: entry ?? undefined }));
}

/**
 * Entries that neither have a seal nor wait for one: nobody wrote them as entries are written.
 *
 * @param since an entry: only those that were made after it are looked at, as their IDs tell
 */
export async function entriesOutside(
  manager: EntityManager,
  limit: number,
  since = FIRST_ID,
): Promise<AuditEntry[]> {
  return await rows(
    manager,
    `select ${AUDIT_ENTRY} from audit_entry e
     where e.id > $2 and not exists (select from audit_seal s where s.entry_id = e.id)
       and not exists (select from audit_unsealed u where u.entry_id = e.id) order by e.at, e.id limit $1`,
    [limit, since],
  );
}

export async function countUnsealed(manager: EntityManager): Promise<number> {
  const found = await row<{ count: number }>(
    manager,
    'select count(*)::integer as count from audit_unsealed',
  );
  return found?.count ?? 0;
}

/** An entry with its place in the chain, where it has one. */
export interface NumberedEntry extends AuditEntry {
  sequence?: number;
  hash?: string;
}

/** Entries about any of these subjects, oldest first. */
export async function entriesAbout(
  manager: EntityManager,
  subjectIds: string[],
  limit: number,
): Promise<NumberedEntry[]> {
  const found = await rows<AuditEntry & { sequence: number | null; hash: string | null }>(
    manager,
    `select ${AUDIT_ENTRY}, s.sequence::float8 as sequence, s.hash from audit_entry e left join audit_seal s on s.entry_id = e.id
     where e.subject_id = any($1::uuid[]) order by e.at, s.sequence, e.id limit $2`,
    [subjectIds, limit],
  );
  return found.map(({ sequence, hash, ...entry }) => ({
    ...entry,
    sequence: sequence ?? undefined,
    hash: hash ?? undefined,
  }));
}

/** The IDs that a subject of the log may be known by: its own, and for a package's name or ID its copies, too. */
export async function subjectsNamed(manager: EntityManager, word: string): Promise<string[]> {
  const found = await rows<{ id: string }>(
    manager,
    `with named as (select id from raw_data_package where name = $1 or id = $2)
     select id from named
     union select c.id from physical_copy c join named on named.id = c.raw_data_package_id
     union select subject_id from audit_entry where subject_id = $2`,
    [word, asUuid(word)],
  );
  return found.map(({ id }) => id);
}
