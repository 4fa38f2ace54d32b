import type { EntityManager } from 'typeorm';
import { PermanentError } from '../../exceptions.js';
import type { ExecutionFacts } from '../../policy/execution-wait.js';
import type { PackageState, RawDataFileState, Status } from '../../states.js';
import type { PathText } from '../../utilities/path-text.js';
import type { SourceFile } from '../records.js';
import { asUuid, row, rows, textHash } from './sql.js';

/** What a person may ask about, found by the words that people have for it. */
export interface Subjects {
  packageIds: string[];
  /** Set where the word is the ID of one copy of the only package. */
  copyId?: string;
  files: FileFacts[];
}

/** A file at a source, in each version that was seen. */
export interface FileFacts {
  id: string;
  path: PathText;
  kind: SourceFile['kind'];
  bytes: number;
  state: RawDataFileState;
  quiet: boolean;
  /** ISO 8601, as all times here. */
  seenAt: string;
  sha256?: string;
  refusalReason?: string;
  keptReason?: string;
  deletedAt?: string;
  packageId?: string;
  observation: PathText;
  source: { id: string; site: string; name: string; active: boolean };
}

/** One journey of a package over a route. */
export interface TransferFacts {
  id: string;
  name: string;
  route: string;
  origin: { site: string; location: string };
  destination: { site: string; location: string };
  status: Status;
  createdAt: string;
  completedAt?: string;
}

/** Where a package stands, beside what its summary and its copies tell. */
export interface PackageJourney {
  state: PackageState;
  /** Since when it is in this state, as far as the catalogue tells. */
  since: string;
  buffer: { site: string; name: string };
  filesAtSource: number;
  bytesAtSource: number;
  transfers: TransferFacts[];
}

/** At most this many subjects are explained at once. */
const MOST = 50;

/**
 * Finds what a word names: a package (ID or name), a copy, a data transfer, an observation, or a file (its path below the source,
 * or its absolute path).
 */
export async function findSubjects(manager: EntityManager, word: string): Promise<Subjects> {
  const id = asUuid(word);
  const packages = await rows<{ id: string }>(
    manager,
    `select id from raw_data_package where name = $1 or id = $2
     union select raw_data_package_id from data_transfer_item where data_transfer_id = $2
     union select p.id from raw_data_package p join executed_obs_unit u on u.id = p.executed_obs_unit_id where u.name = $1 or u.id = $2
     limit ${MOST}`,
    [word, id],
  );
  const [copy] = await rows<{ packageId: string }>(
    manager,
    'select raw_data_package_id as "packageId" from physical_copy where id = $1',
    [id],
  );
  if (copy !== undefined) return { packageIds: [copy.packageId], copyId: id ?? undefined, files: [] };
  const packageIds = packages.map((one) => one.id);
  const unpackaged = await filesInNoPackage(manager, word, id, MOST - packageIds.length);
  if (packageIds.length + unpackaged.length > 0) return { packageIds, files: unpackaged };
  return { packageIds: [], files: await filesNamed(manager, word, id) };
}

const FILE = `select f.id, f.path, f.kind, f.size::float8 as bytes, f.state, f.quiet, f.seen_at as "seenAt", f.sha256,
       f.refusal_reason as "refusalReason", f.kept_reason as "keptReason", f.deleted_at as "deletedAt",
       f.raw_data_package_id as "packageId", u.name as observation,
       json_build_object('id', l.id, 'site', s.short_name, 'name', l.name, 'active', l.active) as source
     from data_location l join site s on s.id = l.site_id`;

/** The files of an observation that are in no package yet, of its first paths. */
async function filesInNoPackage(
  manager: EntityManager,
  word: string,
  id: string | null,
  most: number,
): Promise<FileFacts[]> {
  const found = await rows<FileRow>(
    manager,
    `${FILE} join executed_obs_unit u on u.source_location_id = l.id
     join raw_data_file f on f.source_location_id = l.id and f.executed_obs_unit_id = u.id and f.raw_data_package_id is null
     where u.name = $1 or u.id = $2 order by f.path collate "C" limit $3`,
    [word, id, most],
  );
  return found.map(toFile);
}

async function filesNamed(manager: EntityManager, word: string, id: string | null): Promise<FileFacts[]> {
  const found = await rows<FileRow>(
    manager,
    `${FILE} join lateral (
       select * from raw_data_file f where f.source_location_id = l.id and (f.path_hash = $2 or f.id = $3
         or (l.path is not null and starts_with($1, l.path || '/')
           and f.path_hash = left(encode(sha256(convert_to(substr($1, length(l.path) + 2), 'UTF8')), 'hex'), 32)))
     ) f on true
     join executed_obs_unit u on u.id = f.executed_obs_unit_id
     where l.location_type = 'source' order by f.seen_at desc limit ${MOST}`,
    [word, textHash(word), id],
  );
  return found.map(toFile);
}

type FileRow = Omit<FileFacts, 'seenAt' | 'deletedAt'> & { seenAt: Date; deletedAt: Date | null };

function toFile({ seenAt, deletedAt, ...one }: FileRow): FileFacts {
  return { ...withoutNulls(one), seenAt: seenAt.toISOString(), deletedAt: deletedAt?.toISOString() };
}

/** Since when a location is switched off, as far as the log tells; undefined where it is on, or is not there. */
export async function switchedOff(
  manager: EntityManager,
  site: string,
  location: string,
): Promise<{ since?: string } | undefined> {
  const found = await row<{ since: Date | null }>(
    manager,
    `select (select min(e.at) from audit_entry e where e.subject_type = 'data_location' and e.subject_id = l.id
         and e.action = 'location_described' and (e.facts->>'active') = 'false'
         and e.at > coalesce((select max(o.at) from audit_entry o where o.subject_type = 'data_location' and o.subject_id = l.id
           and o.action = 'location_described' and (o.facts->>'active') = 'true'), '-infinity')) as since
     from data_location l join site s on s.id = l.site_id where s.short_name = $1 and l.name = $2 and not l.active`,
    [site, location],
  );
  return found && { since: found.since?.toISOString() };
}

/** How it stands with the execution of a file that no package holds yet; undefined where all of its files are in packages. */
export async function executionOf(
  manager: EntityManager,
  fileId: string,
  waitSeconds: number,
): Promise<ExecutionFacts | undefined> {
  const found = await row<{
    status: Status;
    startedAt: Date | null;
    lastAt: Date | null;
    firstStillAt: Date | null;
    unready: number;
  }>(
    manager,
    `with waiting as (
       select executed_obs_unit_id as unit, quiet, seen_at, quiet or seen_at <= now() - make_interval(secs => $2) as ready
       from raw_data_file where state = 'registered' and raw_data_package_id is null
         and (source_location_id, executed_obs_unit_id) = (select source_location_id, executed_obs_unit_id from raw_data_file where id = $1)
     )
     select u.status, u.started_at as "startedAt", max(seen_at) filter (where ready) as "lastAt",
       min(seen_at) filter (where quiet) as "firstStillAt", count(*) filter (where not ready)::integer as unready
     from waiting join executed_obs_unit u on u.id = waiting.unit group by u.id`,
    [fileId, waitSeconds],
  );
  return (
    found && {
      status: found.status,
      startedAt: found.startedAt?.toISOString(),
      lastAt: found.lastAt?.toISOString(),
      firstStillAt: found.firstStillAt?.toISOString(),
      unready: found.unready,
    }
  );
}

export async function packageJourney(manager: EntityManager, packageId: string): Promise<PackageJourney> {
  const found = await row<Omit<PackageJourney, 'transfers' | 'since'> & { since: Date }>(
    manager,
    `select p.state, coalesce(
         case p.state when 'archived' then p.archived_at when 'arrived' then p.arrived_at when 'waiting' then p.packaged_at end,
         p.packaged_at, p.created_at) as since,
       json_build_object('site', s.short_name, 'name', b.name) as buffer,
       f.files as "filesAtSource", f.bytes as "bytesAtSource"
     from raw_data_package p
     join lateral (select count(*)::integer as files, coalesce(sum(size), 0)::float8 as bytes from raw_data_file
       where raw_data_package_id = p.id and kind = 'file' and state = 'packaged') f on true
     join data_location b on b.id = p.buffer_location_id join site s on s.id = b.site_id where p.id = $1`,
    [packageId],
  );
  if (found === undefined)
    throw new PermanentError(`the catalogue has no package ${packageId}`, { subject: packageId });
  return { ...found, since: found.since.toISOString(), transfers: await transfersOf(manager, packageId) };
}

async function transfersOf(manager: EntityManager, packageId: string): Promise<TransferFacts[]> {
  const found = await rows<
    Omit<TransferFacts, 'createdAt' | 'completedAt'> & { createdAt: Date; completedAt: Date | null }
  >(
    manager,
    `select t.id, d.name, r.name as route, t.status, t.created_at as "createdAt", t.completed_at as "completedAt",
       json_build_object('site', os.short_name, 'location', o.name) as origin,
       json_build_object('site', ds.short_name, 'location', dl.name) as destination
     from data_transfer_item i
     join data_transfer t on t.id = i.data_transfer_id
     join data_transfer_package d on d.id = t.data_transfer_package_id
     join data_transfer_route r on r.id = t.route_id
     join data_location o on o.id = t.origin_location_id join site os on os.id = o.site_id
     join data_location dl on dl.id = t.destination_location_id join site ds on ds.id = dl.site_id
     where i.raw_data_package_id = $1 order by t.created_at, t.id`,
    [packageId],
  );
  return found.map(({ createdAt, completedAt, ...one }) => ({
    ...one,
    createdAt: createdAt.toISOString(),
    completedAt: completedAt?.toISOString(),
  }));
}

/** Columns that are null are left out, as everywhere in what the catalogue answers with. */
function withoutNulls<T extends object>(found: T): T {
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null)) as T;
}
