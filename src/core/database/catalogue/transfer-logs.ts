import type { EntityManager } from 'typeorm';
import { redacted } from '../../redaction.js';
import { asUuid, rows } from './sql.js';

/** What an attempt belongs to: a journey between buffers, or one into an archive. */
export type TransferSubject =
  { dataTransferId: string } | { packageId: string; archive: { site: string; location: string } };

/** How an attempt ended; `interrupted`: its process was gone before it could say. */
export const ATTEMPT_OUTCOMES = ['completed', 'failed', 'cancelled', 'interrupted'] as const;

/** One attempt of a transfer that is over. Times are ISO 8601. */
export interface AttemptRecord {
  id: string;
  of: TransferSubject;
  /** Where it ran, and where its log lies. */
  site: string;
  /** Absolute, at that site. */
  path: string;
  /** Of the log. */
  bytes: number;
  sha256: string;
  attempt: number;
  startedAt: string;
  endedAt?: string;
  outcome: (typeof ATTEMPT_OUTCOMES)[number];
  /** Bytes that went over the line, or to the store and back. */
  bytesMoved: number;
  errorClass?: string;
  message?: string;
}

/** An attempt as it is listed. */
export interface TransferAttempt extends Omit<AttemptRecord, 'of' | 'bytes' | 'sha256'> {
  kind: 'data_transfer' | 'long_term_archive_transfer';
  /** The bundle, or the package and its archive. */
  name: string;
  /** Absent where it did not end, or moved nothing. */
  bytesPerSecond?: number;
}

/** Writes an attempt down, once. One whose transfer the catalogue does not have (it failed before it began) is none. */
export async function recordAttempt(manager: EntityManager, one: AttemptRecord): Promise<void> {
  const { of } = one;
  const transferId = 'dataTransferId' in of ? of.dataTransferId : null;
  const archived = 'packageId' in of ? of : undefined;
  await rows(
    manager,
    `insert into data_transfer_log (id, data_transfer_id, long_term_archive_transfer_id, site, path, bytes, sha256, attempt,
       started_at, ended_at, outcome, bytes_moved, error_class, message, created_at)
     select $1, t.id, a.id, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, now()
     from (select 1) as one
     left join data_transfer t on t.id = $2
     left join long_term_archive_transfer a on a.raw_data_package_id = $3 and a.archive_location_id = (
       select l.id from data_location l join site s on s.id = l.site_id
       where s.short_name = ($4::text[])[1] and l.name = ($4::text[])[2])
     where num_nonnulls(t.id, a.id) = 1
     on conflict do nothing`,
    [
      one.id,
      transferId,
      archived?.packageId ?? null,
      archived === undefined ? null : [archived.archive.site, archived.archive.location],
      one.site,
      one.path,
      one.bytes,
      one.sha256,
      one.attempt,
      one.startedAt,
      one.endedAt ?? null,
      one.outcome,
      Math.round(one.bytesMoved),
      one.errorClass ?? null,
      one.message === undefined ? null : redacted(one.message),
    ],
  );
}

type AttemptRow = Omit<TransferAttempt, 'startedAt' | 'endedAt'> & { startedAt: Date; endedAt: Date | null };

/** The attempts of what a word names, each way by its own index. */
const NAMED = `(
  select * from data_transfer_log where data_transfer_id in (
    select t.id from data_transfer t join data_transfer_package d on d.id = t.data_transfer_package_id where d.name = $2
    union select id from data_transfer where id = $3
    union select i.data_transfer_id from data_transfer_item i join raw_data_package p on p.id = i.raw_data_package_id
      where p.name = $2 or p.id = $3)
  union all
  select * from data_transfer_log where long_term_archive_transfer_id in (
    select a.id from long_term_archive_transfer a join raw_data_package p on p.id = a.raw_data_package_id
    where p.name = $2 or p.id = $3))`;

/** The latest attempts, of all or of what a word names: a package, a bundle or a data transfer. */
export async function attempts(
  manager: EntityManager,
  { word, limit }: { word?: string; limit: number },
): Promise<TransferAttempt[]> {
  const found = await rows<AttemptRow>(
    manager,
    `select g.id, g.site, g.path, g.attempt, g.started_at as "startedAt", g.ended_at as "endedAt", g.outcome,
       g.bytes_moved::float8 as "bytesMoved", g.error_class as "errorClass", g.message,
       case when g.data_transfer_id is null then 'long_term_archive_transfer' else 'data_transfer' end as kind,
       coalesce(d.name || ', ' || os.short_name || ' to ' || ds.short_name, p.name || ' into ' || s.short_name || '.' || l.name) as name
     from ${word === undefined ? 'data_transfer_log' : NAMED} g
     left join data_transfer t on t.id = g.data_transfer_id
     left join data_transfer_package d on d.id = t.data_transfer_package_id
     left join data_location o on o.id = t.origin_location_id left join site os on os.id = o.site_id
     left join data_location n on n.id = t.destination_location_id left join site ds on ds.id = n.site_id
     left join long_term_archive_transfer a on a.id = g.long_term_archive_transfer_id
     left join raw_data_package p on p.id = a.raw_data_package_id
     left join data_location l on l.id = a.archive_location_id left join site s on s.id = l.site_id
     order by g.started_at desc, g.id desc limit $1`,
    [limit, ...(word === undefined ? [] : [word, asUuid(word)])],
  );
  return found.map(({ startedAt, endedAt, ...one }) => {
    const seconds = endedAt === null ? 0 : (endedAt.getTime() - startedAt.getTime()) / 1000;
    return {
      ...(Object.fromEntries(
        Object.entries<unknown>(one).filter(([, value]) => value !== null),
      ) as typeof one),
      startedAt: startedAt.toISOString(),
      endedAt: endedAt?.toISOString(),
      bytesPerSecond: seconds > 0 && one.bytesMoved > 0 ? one.bytesMoved / seconds : undefined,
    };
  });
}
