import type { PlacesOfYears } from './places.js';

/**
 * Rows of a catalogue that has run for years, as statements: each package is archived twice, read back, and gone everywhere else,
 * but for the last {@link UNDER_WAY}, which stand at every step of the way. So what waits is as much in a small catalogue as in a large one.
 */

/** Packages that are not done, at the end. */
export const UNDER_WAY = 80;
/** Files that no package holds yet. */
export const UNPACKAGED = 500;
/** Entries that can't be packaged. */
export const REFUSED = 10;
/** Packages of one transfer. */
export const BUNDLE = 20;
/** The oldest archive copies, due to be read again. */
const DUE = 20;
const FILE_BYTES = 2_000_000;
/** Between two packages. */
const STEP = `interval '20 minutes'`;

export interface Size {
  packages: number;
  filesOfPackage: number;
}

export interface Statement {
  /** Of what, for whoever watches. */
  of: string;
  sql: string;
}

/** An identifier as the product makes them: the time first, so that what was made together lies together. `hash` is 32 hex digits. */
const named = (at: string, hash: string) =>
  `(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0') || '7' || substr(${hash}, 1, 3) || '8' || substr(${hash}, 4, 15))::uuid`;

/** What rows are made of; it lives as long as the session. Packages count from 1; the youngest has the age 0. */
export function helpers({ packages }: Size, now: Date): string[] {
  const made = `timestamptz '${now.toISOString()}' - (${packages} - n) * ${STEP}`;
  return [
    `create function pg_temp.transfer(kind text, bundle bigint) returns uuid language sql stable as $$
       select ${named(`timestamptz '${now.toISOString()}' - (${packages} - bundle * ${BUNDLE}) * ${STEP}`, 'md5(kind || bundle)')} $$`,
    `create temp table p as
       select n, ${packages} - n as age, made, ${named('made', `md5('package' || n)`)} as id, (n - 1) / ${BUNDLE} + 1 as bundle,
         ${named(`made - (n + 1) % 2 * ${STEP}`, `md5('unit' || (n + 1) / 2)`)} as unit, md5(case n % 2 when 1 then 'CHAI' else 'Prime-Cam' end)::uuid as module,
         md5('tar' || n) || md5(n || 'tar') as digest, 'obs-' || lpad(((n + 1) / 2)::text, 7, '0') as observation, case n % 2 when 1 then 'chai' else 'primecam' end as part
       from generate_series(1::bigint, ${packages}) n, lateral (select ${made} as made) t`,
    `analyze p`,
  ];
}

/** Everything but the seals of the audit log, in an order in which each row finds those that it refers to. */
export function statements(size: Size, at: PlacesOfYears): Statement[] {
  return [...observations(at), ...packages(size, at), ...copies(size, at), ...records(size, at)];
}

/** As the catalogue finds a path. */
const pathHash = (path: string) => `left(encode(sha256(convert_to(${path}, 'UTF8')), 'hex'), 32)`;
const id = ({ id: value }: { id: string }) => `'${value}'::uuid`;

function observations(at: PlacesOfYears): Statement[] {
  return [
    {
      of: 'instrument_module',
      sql: `insert into instrument_module (id, name) select md5(name)::uuid, name from unnest(array['CHAI', 'Prime-Cam']) name`,
    },
    {
      of: 'executed_obs_unit',
      sql: `insert into executed_obs_unit (id, source_location_id, name, status, started_at, finished_at)
        select unit, ${id(at.source)}, observation, 'completed', made, made + ${STEP} from p where n % 2 = 1
        union all select md5('under way')::uuid, ${id(at.source)}, 'obs-now', 'in_progress', now(), null`,
    },
  ];
}

function packages(size: Size, at: PlacesOfYears): Statement[] {
  const { filesOfPackage } = size;
  const payload = filesOfPackage * FILE_BYTES;
  return [
    {
      of: 'data_transfer_package',
      sql: `insert into data_transfer_package (id, name, package_count, bytes, created_at)
        select pg_temp.transfer('bundle ' || leg, bundle), 'ccat-' || leg || '-' || lpad(bundle::text, 7, '0'), packages, packages * ${payload + 10_240}::bigint, at
        from (${transfers(size)}) t`,
    },
    {
      of: 'raw_data_package',
      sql: `insert into raw_data_package (id, name, source_location_id, buffer_location_id, executed_obs_unit_id, instrument_module_id, part, state,
          file_count, payload_bytes, bytes, sha256, data_transfer_package_id, freed_file_count, freed_bytes, source_freed_at, created_at, packaged_at, arrived_at, archived_at)
        select id, observation || '-' || part || '-p1-' || lpad(n::text, 9, '0'), ${id(at.source)}, ${id(at.buffer)}, unit, module, 1,
          case when age < 10 then 'creating' when age < 20 then 'waiting' when age < 40 then 'transferring' when age < 50 then 'arrived' else 'archived' end,
          ${filesOfPackage}, ${payload}, case when age >= 10 then ${payload + 10_240} end, case when age >= 10 then digest end,
          case when age >= 20 then pg_temp.transfer('bundle 1', bundle) end,
          case when age >= ${UNDER_WAY} then ${filesOfPackage} else 0 end, case when age >= ${UNDER_WAY} then ${payload} else 0 end,
          case when age >= ${UNDER_WAY} then made + interval '1 day' end, made, case when age >= 10 then made + interval '2 minutes' end,
          case when age >= 40 then made + interval '6 minutes' end, case when age >= 50 then made + interval '8 minutes' end
        from p`,
    },
    {
      of: 'raw_data_file',
      sql: `insert into raw_data_file (id, source_location_id, executed_obs_unit_id, instrument_module_id, path, path_hash, kind, size, mtime_ns, ctime_ns,
          state, quiet, seen_at, raw_data_package_id, sha256, deleted_at)
        select ${named('made', 'hash')}, ${id(at.source)}, unit, module, path, ${pathHash('path')}, 'file', ${FILE_BYTES},
          1700000000000000000 + file, 1700000000000000000 + file,
          case when age < 10 then 'registered' when age < ${UNDER_WAY} then 'packaged' else 'deleted' end, true, made, id,
          case when age >= 10 then hash || reverse(hash) end, case when age >= ${UNDER_WAY} then made + interval '1 day' end
        from p, generate_series((n - 1) * ${filesOfPackage} + 1, n * ${filesOfPackage}) file,
          lateral (select md5(file::text) as hash, observation || '/' || part || '/scan-' || lpad(file::text, 9, '0') || '.fits' as path offset 0) f`,
    },
    {
      of: 'raw_data_file that wait',
      sql: `insert into raw_data_file (id, source_location_id, executed_obs_unit_id, instrument_module_id, path, path_hash, kind, size, mtime_ns, ctime_ns,
          state, quiet, seen_at, refusal_reason)
        select gen_random_uuid(), ${id(at.source)}, md5('under way')::uuid, md5('CHAI')::uuid, path, ${pathHash('path')}, 'file', ${FILE_BYTES}, 1, 1,
          case when n > ${UNPACKAGED} then 'refused' else 'registered' end, true, now(), case when n > ${UNPACKAGED} then 'it can not be read' end
        from generate_series(1, ${UNPACKAGED + REFUSED}) n, lateral (select 'obs-now/chai/' || n || '.fits' as path) p`,
    },
    {
      of: 'data_transfer',
      sql: `insert into data_transfer (id, data_transfer_package_id, route_id, origin_location_id, destination_location_id, status, unpack_status,
          created_at, completed_at, bytes_sent, send_seconds)
        select pg_temp.transfer('transfer ' || leg, bundle), pg_temp.transfer('bundle ' || leg, bundle), r.id,
          case leg when 1 then ${id(at.buffer)} else ${id(at.arrival)} end, case leg when 1 then ${id(at.arrival)} else ${id(at.further)} end,
          case when over then 'completed' else 'in_progress' end, case when over then 'completed' else 'pending' end,
          at, case when over then at + interval '4 minutes' end, case when over then packages * ${payload}::bigint end, case when over then 100 end
        from (${transfers(size)}) t join data_transfer_route r on r.name = case leg when 1 then 'ccat-cologne' else 'cologne-us' end`,
    },
    {
      of: 'data_transfer_item',
      sql: `insert into data_transfer_item (data_transfer_id, raw_data_package_id, destination_location_id, status, closed_at)
        select pg_temp.transfer('transfer ' || leg, bundle), p.id, case leg when 1 then ${id(at.arrival)} else ${id(at.further)} end,
          case when over then 'arrived' else 'pending' end, case when over then at + interval '4 minutes' end
        from (${transfers(size)}) t join p using (bundle) where (n - 1) % ${BUNDLE} < packages`,
    },
  ];
}

/** Bundles of both legs: the last of each is on its way, and of what arrived last only some go on already. */
function transfers({ packages }: Size): string {
  const sent = packages / BUNDLE - 1;
  return `select 1 as leg, bundle, ${BUNDLE} as packages, bundle < ${sent} as over, made + interval '3 minutes' as at
      from p where n % ${BUNDLE} = 0 and bundle <= ${sent}
    union all
    select 2, bundle, case when bundle = ${sent - 1} then 5 else ${BUNDLE} end, bundle < ${sent - 1}, made + interval '9 minutes'
      from p where n % ${BUNDLE} = 0 and bundle <= ${sent - 1}`;
}

/** Each place of a package's copies: from which age on it has one, and whether that goes again. */
function copies(size: Size, at: PlacesOfYears): Statement[] {
  const bytes = size.filesOfPackage * FILE_BYTES + 10_240;
  const buffers = [
    { place: at.buffer, from: 10, verified: false },
    { place: at.arrival, from: 40, verified: true },
    { place: at.further, from: 60, verified: true },
  ];
  const archives = [
    { place: at.archive, from: 50 },
    { place: at.secondArchive, from: 60 },
  ];
  const state = `case when age >= ${UNDER_WAY} then 'deleted' when age >= 70 then 'deletion_scheduled' else 'present' end`;
  const packagesFrom = (from: number) => `p where age >= ${from}`;
  return [
    ...buffers.map(({ place, from, verified }) => ({
      of: `physical_copy in ${place.site}.${place.name}`,
      sql: `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at, deleted_at, delete_after, scheduled_at)
        select ${named('made', `md5('${place.site}' || n)`)}, id, ${id(place)}, ${state}, 'package-' || n || '.tar', ${bytes}, digest,
          ${verified ? `made + interval '6 minutes'` : 'null'}, made + interval '2 minutes', case when age >= ${UNDER_WAY} then made + interval '1 day' end,
          case when age between 70 and ${UNDER_WAY - 1} then now() + interval '1 hour' end, case when age >= 70 then made + interval '1 hour' end
        from ${packagesFrom(from)}`,
    })),
    ...archives.flatMap(({ place, from }) => {
      const copy = named('made', `md5('${place.site} lta' || n)`);
      const damaged = place.id === at.secondArchive.id ? `n in (${DUE + 1}, ${DUE + 2})` : 'false';
      const verified = `case when ${damaged} then null when n <= ${DUE} then now() - interval '100 days'
        else greatest(made + interval '8 minutes', now() - (n % 80) * interval '1 day' - (n % 1000) * interval '1 minute') end`;
      return [
        {
          of: `physical_copy in ${place.site}.${place.name}`,
          sql: `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
            select ${copy}, id, ${id(place)}, case when ${damaged} then 'damaged' else 'present' end,
              'raw/package-' || n || '.tar', ${bytes}, digest, ${verified}, made + interval '8 minutes' from ${packagesFrom(from)}`,
        },
        {
          of: `long_term_archive_transfer into ${place.site}.${place.name}`,
          sql: `insert into long_term_archive_transfer (id, raw_data_package_id, archive_location_id, status, created_at, completed_at)
            select ${named('made', `md5('archiving ${place.site}' || n)`)}, id, ${id(place)}, 'completed', made + interval '7 minutes', made + interval '8 minutes'
            from ${packagesFrom(from)}`,
        },
        {
          of: `archive_challenge in ${place.site}.${place.name}`,
          sql: `insert into archive_challenge (id, physical_copy_id, at, method, ranges)
            select ${named('made + after', `md5('${place.site}' || method || n)`)}, ${copy}, made + after, method,
              jsonb_build_array(jsonb_build_object('offset', 0, 'bytes', 65536, 'sha256', digest))
            from p, (values ('full', interval '8 minutes', ${from}), ('ranges', interval '1 day', ${UNDER_WAY})) asked (method, after, since) where age >= since`,
        },
        {
          of: `archive_audit in ${place.site}.${place.name}`,
          sql: `insert into archive_audit (physical_copy_id, asked_at, failure)
            select id, coalesce(verified_at, now()), case when bytes < 0 then 'never' end from physical_copy where data_location_id = ${id(place)} and created_at < now() - interval '80 days'`,
        },
        {
          of: `archive_damage in ${place.site}.${place.name}`,
          sql: `insert into archive_damage (id, physical_copy_id, kind, path, found_at, repair_path)
            select gen_random_uuid(), ${copy}, 'missing', 'raw/package-' || n || '.tar', now(), 'raw/package-' || n || '.tar' from ${packagesFrom(from)} and ${damaged}`,
        },
      ];
    }),
  ];
}

/** What was told, asked, held and written down about packages. */
function records(size: Size, at: PlacesOfYears): Statement[] {
  return [
    {
      of: 'package_deletion',
      sql: `insert into package_deletion (raw_data_package_id, source_delete_after, source_scheduled_at, source_begun_at)
        select id, case when age < ${UNDER_WAY} then now() + interval '1 hour' end, made + interval '1 hour',
          case when age >= ${UNDER_WAY} then made + interval '1 day' end from p where age >= 70`,
    },
    {
      of: 'deletion_hold',
      sql: `insert into deletion_hold (id, raw_data_package_id, reason, placed_by, placed_at)
        select gen_random_uuid(), raw_data_package_id, 'its copy is damaged', 'audit', now() from physical_copy where state = 'damaged'`,
    },
    {
      of: 'data_transfer_log of transfers',
      sql: `insert into data_transfer_log (id, data_transfer_id, site, path, bytes, sha256, created_at, attempt, started_at, ended_at, outcome, bytes_moved)
        select ${named('created_at', `md5('log' || id)`)}, id, 'ccat', '/var/log/cdt/' || id || '.log', 2000, md5('log') || md5('log'), completed_at, 1,
          created_at, completed_at, 'completed', bytes_sent from data_transfer where completed_at is not null`,
    },
    {
      of: 'data_transfer_log of archiving',
      sql: `insert into data_transfer_log (id, long_term_archive_transfer_id, site, path, bytes, sha256, created_at, attempt, started_at, ended_at, outcome, bytes_moved)
        select ${named('created_at', `md5('log' || id)`)}, id, 'cologne', '/var/log/cdt/' || id || '.log', 2000, md5('log') || md5('log'), completed_at, 1,
          created_at, completed_at, 'completed', 1000 from long_term_archive_transfer`,
    },
    {
      of: 'problem',
      sql: `insert into problem (id, error_class, operation, subject, subject_hash, message, first_at, last_at, count, resolved_at)
        select gen_random_uuid(), 'StorageError', 'data_transfer', 'package ' || n, md5('problem' || n), 'it was slow', made, made, 1, case when age > 5 then made end
        from p where n % 50 = 0 or age <= 5`,
    },
    {
      of: 'staging_job',
      sql: `insert into staging_job (id, data_location_id, workflow_id, requested_by, wanted, priority, state, keep_seconds, created_at, ready_at, expires_at, ended_at, ended_why)
        select ${named('made', `md5('job' || n)`)}, ${id(at.processing)}, 'staging-job/' || n, 'ann', '{}', 3, case when age < 200 then 'ready' else 'released' end, 864000,
          made, made, made + interval '10 days', case when age >= 200 then made + interval '1 day' end, case when age >= 200 then 'done' end
        from p where n % 100 = 0`,
    },
    {
      of: 'staging_job_item',
      sql: `insert into staging_job_item (staging_job_id, raw_data_package_id, files, bytes, status, staged_at)
        select ${named('p.made', `md5('job' || p.n)`)}, wanted.id, ${size.filesOfPackage}, 1000, 'staged', p.made
        from p join p wanted on wanted.n between p.n - 84 and p.n - 80 where p.n % 100 = 0 and p.n > 90`,
    },
    {
      of: 'staged_copy',
      sql: `insert into staged_copy (data_location_id, raw_data_package_id, complete, needed_at)
        select ${id(at.processing)}, raw_data_package_id, true, now() from staging_job_item i join staging_job j on j.id = i.staging_job_id where j.ended_at is null`,
    },
    {
      of: 'physical_copy staged',
      sql: `insert into physical_copy (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
        select gen_random_uuid(), p.id, s.data_location_id, 'staged', 'packages/' || p.name, p.bytes, p.sha256, now(), now() from staged_copy s join raw_data_package p on p.id = s.raw_data_package_id`,
    },
    {
      of: 'audit_entry',
      sql: `insert into audit_entry (id, at, action, subject_type, subject_id, facts)
        select ${named('made + after', 'md5(action || n)')}, made + after, action, 'raw_data_package', id, jsonb_build_object('package', n, 'sha256', digest)
        from p, (values ('package_planned', interval '0', 0), ('package_created', interval '2 minutes', 10), ('package_archived', interval '8 minutes', 50),
          ('deletion_begun', interval '1 day', ${UNDER_WAY}), ('source_files_deleted', interval '1 day 1 second', ${UNDER_WAY})) done (action, after, since) where age >= since`,
    },
  ];
}
