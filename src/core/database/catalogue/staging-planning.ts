import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../exceptions.js';
import { isPattern, patternSource } from '../../policy/path-pattern.js';
import { durationSeconds, type StagingRequest } from '../../policy/staging-request.js';
import type { StagingLimits } from '../../staging/staging-settings.js';
import { printable } from '../../utilities/printable.js';
import type { Location } from '../records.js';
import { audit } from './audit.js';
import { asUuid, lock, row, rows, textHash } from './sql.js';
import { locations } from './topology.js';

/** A package that a request wants, whole or only files that match. */
export interface WantedPackage {
  packageId: string;
  name: string;
  observation: string;
  /** Regular expressions over paths; absent where all of the package is wanted. */
  patterns?: string[];
  /** Wanted regular files and their bytes. */
  files: number;
  bytes: number;
}

/** What a request comes to, by the catalogue as it is now. */
export interface StagingPlan {
  location: Location;
  packages: WantedPackage[];
  keepSeconds: number;
}

interface Candidate {
  id: string;
  name: string;
  observation: string;
  archived: boolean;
  state: string;
  files: number;
  bytes: number;
}

const CANDIDATE = `p.id, p.name, u.name as observation, p.state, p.file_count as files, p.payload_bytes::float8 as bytes,
  exists (select from physical_copy c join data_location l on l.id = c.data_location_id
    where c.raw_data_package_id = p.id and l.location_type = 'long_term_archive' and c.state = 'present') as archived
  from raw_data_package p join executed_obs_unit u on u.id = p.executed_obs_unit_id`;

/**
 * Finds what a request asks for.
 *
 * @throws ConfigurationError that tells what is unknown, not archived or too much, and what to do
 */
export async function resolveStaging(
  manager: EntityManager,
  request: StagingRequest,
  limits: StagingLimits,
): Promise<StagingPlan> {
  const location = await destinationOf(manager, request.destination);
  const keepSeconds = request.keepFor === undefined ? limits.keepSeconds : durationSeconds(request.keepFor);
  if (keepSeconds > limits.maxKeepSeconds)
    throw refused(
      `${request.keepFor ?? ''} is longer than files are kept here`,
      `Ask for ${limits.maxKeepSeconds / 86_400} days at most; a job can be extended.`,
    );
  const wanted = await wantedPackages(manager, request);
  if (wanted.length === 0) throw refused('no file matches', 'See what there is with `cdt packages`.');
  const bytes = wanted.reduce((sum, one) => sum + one.bytes, 0);
  if (wanted.length > limits.maxPackagesPerJob)
    throw refused(
      `${wanted.length} packages are more than the ${limits.maxPackagesPerJob} that one job may have`,
      'Ask for them in several jobs, or have staging.max_packages_per_job raised.',
    );
  if (bytes > limits.maxBytesPerJob)
    throw refused(
      `${bytes} bytes are more than the ${limits.maxBytesPerJob} that one job may have`,
      'Ask for fewer files (--only), in several jobs, or have staging.max_bytes_per_job raised.',
    );
  return { location, packages: wanted, keepSeconds };
}

/** Writes the job down with what it wants; one that is there already is left as it is. */
export async function createJob(
  manager: EntityManager,
  job: { id: string; workflowId: string },
  request: StagingRequest,
  plan: StagingPlan,
): Promise<void> {
  // From here on its copies are needed: whoever wants to clean one has to see this job, or be done before.
  await lock(manager, `staging ${plan.location.id}`);
  const created = await row<{ id: string }>(
    manager,
    `insert into staging_job (id, data_location_id, workflow_id, requested_by, reason, wanted, priority, state, keep_seconds, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, 'requested', $8::integer, now() + make_interval(secs => $8::integer)) on conflict do nothing returning id`,
    [
      job.id,
      plan.location.id,
      job.workflowId,
      request.requestedBy,
      request.reason ?? null,
      JSON.stringify(request),
      request.priority ?? 3,
      plan.keepSeconds,
    ],
  );
  if (created === undefined) return;
  for (const one of plan.packages)
    await rows(
      manager,
      `insert into staging_job_item (staging_job_id, raw_data_package_id, patterns, files, bytes, status)
       values ($1, $2, $3, $4, $5, 'pending')`,
      [job.id, one.packageId, one.patterns ?? null, one.files, one.bytes],
    );
  const facts = {
    requestedBy: request.requestedBy,
    destination: request.destination,
    packages: plan.packages.length,
  };
  await audit(manager, 'staging_requested', { table: 'staging_job', id: job.id }, facts);
}

async function destinationOf(manager: EntityManager, name: string): Promise<Location> {
  const all = await locations(manager);
  const found = all.find((one) => `${one.site}.${one.name}` === name);
  if (found?.locationType === 'processing' && found.storageType === 'disk' && found.active) return found;
  const there = all
    .filter((one) => one.locationType === 'processing' && one.storageType === 'disk' && one.active)
    .map((one) => `${one.site}.${one.name}`);
  throw refused(
    found === undefined
      ? `there is no location ${name}`
      : `${name} is no processing location on a disk that is in use`,
    there.length === 0
      ? 'The topology has no processing location; `cdt topology import` adds one.'
      : `Stage to one of ${there.join(', ')}.`,
  );
}

async function wantedPackages(manager: EntityManager, request: StagingRequest): Promise<WantedPackage[]> {
  const only = request.only?.map(patternSource);
  const whole = new Map<string, Candidate>();
  for (const word of request.observations ?? [])
    for (const one of await ofObservation(manager, word)) whole.set(one.id, one);
  for (const word of request.packages ?? []) {
    const one = await ofName(manager, word);
    whole.set(one.id, one);
  }
  for (const one of await newest(manager, request.newest ?? 0)) whole.set(one.id, one);
  const byFile = await ofFiles(manager, request.files ?? []);

  const candidates = new Map([...byFile].map(([id, { candidate }]) => [id, candidate] as const));
  for (const [id, one] of whole) candidates.set(id, one);
  const archived = requireArchived([...candidates.values()], request.archivedOnly ?? false);
  const wanted: WantedPackage[] = [];
  for (const one of archived) {
    const { id: packageId, name, observation, files, bytes } = one;
    const patterns = whole.has(packageId) ? only : narrowed(byFile.get(packageId)?.patterns ?? [], only);
    if (patterns === undefined) {
      wanted.push({ packageId, name, observation, files, bytes });
      continue;
    }
    const matching = await countMatching(manager, packageId, patterns);
    if (matching.entries > 0) wanted.push({ packageId, name, observation, patterns, ...matching });
  }
  return wanted;
}

/** Files that were named and match one of `only` as well. */
function narrowed(named: string[], only: string[] | undefined): string[] {
  if (only === undefined) return named;
  return named.flatMap((one) => only.map((other) => `(?=${one})${other}`));
}

/** Only what an archive has can be fetched. That a part is missing is told, not passed over. */
function requireArchived(candidates: Candidate[], archivedOnly: boolean): Candidate[] {
  const archived = candidates.filter((one) => one.archived);
  const missing = candidates.filter((one) => !one.archived);
  if (missing.length === 0 || (archivedOnly && archived.length > 0)) return archived;
  const [first] = missing;
  throw refused(
    `${missing.length} of ${candidates.length} packages are in no archive yet: ${first?.name ?? ''} is ${first?.state ?? ''}${missing.length > 1 ? ', ...' : ''}`,
    `\`cdt explain ${first?.name ?? ''}\` tells what it waits for. With --archived-only, what is archived is staged without it.`,
  );
}

async function ofObservation(manager: EntityManager, word: string): Promise<Candidate[]> {
  const found = await rows<Candidate>(
    manager,
    `select ${CANDIDATE} where (u.name = $1 or u.id = $2) and p.file_count + (select count(*) from raw_data_file f
       where f.raw_data_package_id = p.id) > 0 order by p.created_at, p.id`,
    [word, asUuid(word)],
  );
  if (found.length > 0) return found;
  throw await unknown(manager, 'observation', word, 'executed_obs_unit');
}

async function ofName(manager: EntityManager, word: string): Promise<Candidate> {
  const [found] = await rows<Candidate>(manager, `select ${CANDIDATE} where p.name = $1 or p.id = $2`, [
    word.replace(/\.tar$/, ''),
    asUuid(word),
  ]);
  if (found !== undefined) return found;
  throw await unknown(manager, 'package', word, 'raw_data_package');
}

/** The latest observations of which everything is archived. */
async function newest(manager: EntityManager, count: number): Promise<Candidate[]> {
  if (count === 0) return [];
  return rows<Candidate>(
    manager,
    `select ${CANDIDATE} where p.executed_obs_unit_id = any($1::uuid[]) and p.state = 'archived' order by p.created_at, p.id`,
    [await newestWhole(manager, count)],
  );
}

/** Packages looked at together, from the youngest on. */
const PAGE = 500;

const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** Observations of which everything is archived, by their youngest packages. */
async function newestWhole(manager: EntityManager, count: number): Promise<string[]> {
  const found = new Set<string>();
  for (let before = { at: 'infinity', id: LAST_ID }; ;) {
    const page = await rows<{ id: string; at: string; unit: string; whole: boolean }>(
      manager,
      `select p.id, p.created_at::text as at, p.executed_obs_unit_id as unit, not exists (
         select from raw_data_package o where o.executed_obs_unit_id = p.executed_obs_unit_id and o.state not in ('archived', 'failed') offset 0) as whole
       from raw_data_package p where p.state <> 'failed' and (p.created_at, p.id) < ($1::timestamptz, $2::uuid)
       order by p.created_at desc, p.id desc limit ${PAGE}`,
      [before.at, before.id],
    );
    for (const { unit, whole } of page) {
      if (whole) found.add(unit);
      if (found.size === count) return [...found];
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return [...found];
    before = last;
  }
}

/** Packages by the files in them that were named, each with what was named of it. */
async function ofFiles(
  manager: EntityManager,
  named: string[],
): Promise<Map<string, { candidate: Candidate; patterns: string[] }>> {
  const found = new Map<string, { candidate: Candidate; patterns: string[] }>();
  for (const file of named) {
    const source = patternSource(file);
    const [unit = ''] = file.split('/');
    const matching = isPattern(file)
      ? await rows<Candidate>(
          manager,
          `select ${CANDIDATE} where u.name = $1
             and exists (select from raw_data_file f where f.raw_data_package_id = p.id and f.path ~ $2)`,
          [unit, source],
        )
      : await rows<Candidate>(
          manager,
          `select ${CANDIDATE} where p.id in (
             select f.raw_data_package_id from data_location l join raw_data_file f on f.source_location_id = l.id and f.path_hash = $1
             where l.location_type = 'source' and f.raw_data_package_id is not null)`,
          [textHash(file)],
        );
    if (matching.length === 0)
      throw refused(
        `no packaged file is called ${printable(file)}`,
        'Name it by its path below the source, as `cdt explain` takes it; a file that is not packaged yet can not be staged.',
      );
    for (const candidate of matching) {
      const entry = found.get(candidate.id) ?? { candidate, patterns: [] };
      entry.patterns.push(source);
      found.set(candidate.id, entry);
    }
  }
  return found;
}

async function countMatching(
  manager: EntityManager,
  packageId: string,
  patterns: string[],
): Promise<{ entries: number; files: number; bytes: number }> {
  const [counted] = await rows<{ entries: number; files: number; bytes: number }>(
    manager,
    `select count(*)::integer as entries, count(*) filter (where kind = 'file')::integer as files,
       coalesce(sum(size), 0)::float8 as bytes
     from raw_data_file where raw_data_package_id = $1 and path ~ any($2)`,
    [packageId, patterns],
  );
  return counted ?? { entries: 0, files: 0, bytes: 0 };
}

async function unknown(
  manager: EntityManager,
  kind: string,
  word: string,
  table: string,
): Promise<ConfigurationError> {
  // What stands beside it in the order of names, and begins as it does.
  const close = await rows<{ name: string }>(
    manager,
    `select name from (
       (select name from ${table} where name >= $1 order by name limit 3)
       union all (select name from ${table} where name < $1 order by name desc limit 3)) beside
     where starts_with(lower(name), lower(left($1, 3)))`,
    [word],
  );
  return refused(
    `there is no ${kind} ${printable(word)}`,
    close.length > 0
      ? `There is ${close.map(({ name }) => printable(name)).join(', ')}.`
      : '`cdt packages` lists what there is.',
  );
}

function refused(message: string, advice: string): ConfigurationError {
  return new ConfigurationError(`this can't be staged: ${message}`, { operation: 'staging', advice });
}
