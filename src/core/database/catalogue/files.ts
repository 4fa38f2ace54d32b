import type { EntityManager } from 'typeorm';
import type { EntryKind, RawDataFileState } from '../../states.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { FoundEntry } from '../records.js';
import { audit } from './audit.js';
import { foldersPackagedFrom } from './emptied-folders.js';
import { columns, lock, rows, textHash } from './sql.js';

/** A version of a path that the catalogue knows. */
export interface KnownVersion {
  id: string;
  pathHash: string;
  kind: EntryKind;
  size: number;
  mtimeNs: string;
  ctimeNs: string;
  state: RawDataFileState;
  quiet: boolean;
  /** Whether its stat was first seen longer ago than the quiet period. */
  settled: boolean;
  /** In a package or on its way into one. */
  inPackage: boolean;
}

/** What registering an entry changes. */
export type Registration =
  | { change: 'none' }
  /** A path never seen, or a new version of one that is in a package. */
  | { change: 'insert'; fresh: boolean }
  /** The version that waits to be packaged is replaced by what is there now. */
  | { change: 'update'; id: string }
  /** What waits is still enough now. */
  | { change: 'settle'; id: string }
  /** The path is again as it was when it was packaged: the version that waits is gone. */
  | { change: 'supersede'; id: string };

/**
 * Decides what to do about an entry, given every known version of its path.
 *
 * @param emptied of a folder without entries: whether something was packaged from below it. Then it is what is left of that, now
 *   that it goes or has gone, and nothing new.
 */
export function registration(
  entry: FoundEntry,
  known: readonly KnownVersion[],
  emptied: boolean,
): Registration {
  const waiting = known.find((version) => !version.inPackage);
  if (emptied) return waiting === undefined ? { change: 'none' } : { change: 'supersede', id: waiting.id };
  const same = known.find(
    (version) =>
      version.kind === entry.kind && version.size === entry.size && version.mtimeNs === entry.mtimeNs,
  );
  if (same?.inPackage)
    return waiting === undefined ? { change: 'none' } : { change: 'supersede', id: waiting.id };
  // A version on its way into a package: packaging itself sees that it changed, or the next scan does.
  if (known.some((version) => version.inPackage && version.state === 'registered')) return { change: 'none' };
  if (waiting === undefined) return { change: 'insert', fresh: known.length === 0 };
  // For what is not packaged yet the ctime counts too: permissions that were put right, writes that kept the mtime.
  if (same === undefined || waiting.ctimeNs !== entry.ctimeNs) return { change: 'update', id: waiting.id };
  const settles = waiting.state === 'registered' && !waiting.quiet && (entry.quiet || waiting.settled);
  return settles ? { change: 'settle', id: waiting.id } : { change: 'none' };
}

export async function registerEntries(
  manager: EntityManager,
  sourceLocationId: string,
  entries: FoundEntry[],
  quietSeconds: number,
): Promise<{ fresh: number; changed: number; unquiet: number }> {
  if (entries.length === 0) return { fresh: 0, changed: 0, unquiet: 0 };
  await lock(manager, `source ${sourceLocationId}`);
  const byHash = new Map(entries.map((entry) => [textHash(entry.path), entry]));
  const known = await knownVersions(manager, sourceLocationId, [...byHash.keys()], quietSeconds);
  const folders = entries.flatMap((entry) => (entry.kind === 'directory' ? [entry.path] : []));
  const emptied = await foldersPackagedFrom(manager, sourceLocationId, folders);
  const decided = [...byHash].map(([pathHash, entry]) => ({
    pathHash,
    entry,
    ...registration(entry, known.get(pathHash) ?? [], entry.kind === 'directory' && emptied.has(entry.path)),
  }));

  const ids = (change: Registration['change']) =>
    decided.flatMap((one) => (one.change === change && 'id' in one ? [one.id] : []));
  const superseded = ids('supersede');
  const settled = ids('settle');
  if (superseded.length > 0)
    await rows(manager, 'delete from raw_data_file where id = any($1::uuid[])', [superseded]);
  if (settled.length > 0)
    await rows(manager, 'update raw_data_file set quiet = true where id = any($1::uuid[])', [settled]);
  const written = await withOwners(manager, sourceLocationId, decided);
  await insertFiles(
    manager,
    sourceLocationId,
    written.filter((one) => one.change === 'insert'),
  );
  await updateFiles(
    manager,
    written.filter((one) => one.change === 'update'),
  );

  const fresh = decided.filter((one) => one.change === 'insert' && one.fresh).length;
  const changed = written.length - fresh + superseded.length;
  if (fresh + changed > 0)
    await audit(
      manager,
      'entries_registered',
      { table: 'data_location', id: sourceLocationId },
      { fresh, changed },
    );
  return { fresh, changed, unquiet: await countUnquiet(manager, sourceLocationId, [...byHash.keys()]) };
}

async function knownVersions(
  manager: EntityManager,
  sourceLocationId: string,
  hashes: string[],
  quietSeconds: number,
): Promise<Map<string, KnownVersion[]>> {
  const found = await rows<KnownVersion>(
    manager,
    `select id, path_hash as "pathHash", kind, size::float8 as size, mtime_ns as "mtimeNs", ctime_ns as "ctimeNs", state, quiet,
       seen_at <= now() - make_interval(secs => $3) as settled, raw_data_package_id is not null as "inPackage"
     from raw_data_file where source_location_id = $1 and path_hash = any($2)`,
    [sourceLocationId, hashes, quietSeconds],
  );
  const byHash = new Map<string, KnownVersion[]>();
  for (const version of found)
    byHash.set(version.pathHash, [...(byHash.get(version.pathHash) ?? []), version]);
  return byHash;
}

type Decided = { pathHash: string; entry: FoundEntry } & Registration;
type Written = FoundEntry & {
  change: 'insert' | 'update';
  id: string;
  pathHash: string;
  unitId: string;
  moduleId: string;
};

/** The entries that are to be written, with the rows that they belong to. */
async function withOwners(
  manager: EntityManager,
  sourceLocationId: string,
  decided: Decided[],
): Promise<Written[]> {
  const toWrite = decided.filter((one) => one.change === 'insert' || one.change === 'update');
  if (toWrite.length === 0) return [];
  const units = await ensureUnits(manager, sourceLocationId, [
    ...new Set(toWrite.map(({ entry }) => entry.executedObsUnit)),
  ]);
  const modules = await ensureModules(manager, [
    ...new Set(toWrite.map(({ entry }) => entry.instrumentModule)),
  ]);
  return toWrite.map((one) => ({
    ...one.entry,
    change: one.change,
    id: one.change === 'update' ? one.id : uniqueId(),
    pathHash: one.pathHash,
    unitId: units.get(one.entry.executedObsUnit) ?? '',
    moduleId: modules.get(one.entry.instrumentModule) ?? '',
  }));
}

async function ensureUnits(
  manager: EntityManager,
  sourceLocationId: string,
  names: string[],
): Promise<Map<string, string>> {
  await rows(
    manager,
    `insert into executed_obs_unit (id, source_location_id, name) select id, $1, name from unnest($2::uuid[], $3::text[]) as new (id, name)
     on conflict do nothing`,
    [sourceLocationId, names.map(() => uniqueId()), names],
  );
  const statement = 'select id, name from executed_obs_unit where source_location_id = $1 and name = any($2)';
  return idsByName(await rows(manager, statement, [sourceLocationId, names]));
}

async function ensureModules(manager: EntityManager, names: string[]): Promise<Map<string, string>> {
  // Sources share modules: all insert in one order, lest two wait for each other.
  const sorted = [...names].sort();
  await rows(
    manager,
    `insert into instrument_module (id, name) select * from unnest($1::uuid[], $2::text[]) on conflict do nothing`,
    [sorted.map(() => uniqueId()), sorted],
  );
  return idsByName(
    await rows(manager, 'select id, name from instrument_module where name = any($1)', [names]),
  );
}

function idsByName(found: { id: string; name: string }[]): Map<string, string> {
  return new Map(found.map(({ id, name }) => [name, id]));
}

const WRITTEN = [
  'id',
  'unitId',
  'moduleId',
  'path',
  'pathHash',
  'kind',
  'size',
  'mtimeNs',
  'ctimeNs',
  'quiet',
] as const;
const UNNEST = `unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[])
  as new (id, unit_id, module_id, path, path_hash, kind, size, mtime_ns, ctime_ns, quiet)`;

async function insertFiles(
  manager: EntityManager,
  sourceLocationId: string,
  files: Written[],
): Promise<void> {
  if (files.length === 0) return;
  await rows(
    manager,
    `insert into raw_data_file (id, source_location_id, executed_obs_unit_id, instrument_module_id, path, path_hash, kind, size,
       mtime_ns, ctime_ns, state, quiet, seen_at)
     select id, $11, unit_id, module_id, path, path_hash, kind, size, mtime_ns, ctime_ns, 'registered', quiet, now() from ${UNNEST}`,
    [...columns(files, WRITTEN), sourceLocationId],
  );
}

async function updateFiles(manager: EntityManager, files: Written[]): Promise<void> {
  if (files.length === 0) return;
  await rows(
    manager,
    `update raw_data_file f set executed_obs_unit_id = new.unit_id, instrument_module_id = new.module_id, kind = new.kind,
       size = new.size, mtime_ns = new.mtime_ns, ctime_ns = new.ctime_ns, quiet = new.quiet, seen_at = now(), state = 'registered',
       refusal_reason = null
     from ${UNNEST} where f.id = new.id`,
    columns(files, WRITTEN),
  );
}

async function countUnquiet(
  manager: EntityManager,
  sourceLocationId: string,
  hashes: string[],
): Promise<number> {
  const [counted] = await rows<{ count: number }>(
    manager,
    `select count(*)::integer as count from raw_data_file
     where source_location_id = $1 and path_hash = any($2) and raw_data_package_id is null and state = 'registered' and not quiet`,
    [sourceLocationId, hashes],
  );
  return counted?.count ?? 0;
}
