import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const SHA256 = `~ '^[0-9a-f]{64}$'`;
const SLUG = `~ '^[a-z0-9]([a-z0-9_-]{0,46}[a-z0-9])?$'`;

const OBSERVATORY = [
  `create table observatory (
    id uuid primary key,
    short_name text not null unique check (short_name ${SLUG}),
    name text not null check (name <> '')
  )`,
  `create table telescope (
    id uuid primary key,
    observatory_id uuid not null references observatory,
    short_name text not null check (short_name ${SLUG}),
    name text not null check (name <> ''),
    unique (observatory_id, short_name)
  )`,
  `create table instrument (
    id uuid primary key,
    telescope_id uuid not null references telescope,
    short_name text not null check (short_name ${SLUG}),
    name text not null check (name <> ''),
    available boolean not null,
    unique (telescope_id, short_name)
  )`,
  // Null until somebody tells whose it is: a module may be seen in a file first.
  `alter table instrument_module add column instrument_id uuid references instrument`,
  `create index instrument_module_by_instrument on instrument_module (instrument_id)`,
  `create table instrument_module_configuration (
    id uuid primary key,
    instrument_module_id uuid not null references instrument_module,
    name text not null check (name <> ''),
    parameters jsonb not null check (jsonb_typeof(parameters) = 'object'),
    unique (instrument_module_id, name),
    unique (id, instrument_module_id)
  )`,
];

const PLANNING = [
  `create table observing_program (
    id uuid primary key,
    short_name text not null unique check (short_name <> ''),
    name text not null check (name <> '')
  )`,
  `create table sub_observing_program (
    id uuid primary key,
    observing_program_id uuid not null references observing_program,
    short_name text not null check (short_name <> ''),
    name text not null check (name <> ''),
    unique (observing_program_id, short_name),
    unique (id, observing_program_id)
  )`,
  // Degrees; right ascension and declination in ICRS, azimuth from north over east.
  `create table source (
    id uuid primary key,
    name text not null unique check (name <> ''),
    kind text not null check (kind in ('fixed', 'solar_system', 'constant_elevation')),
    ra_degrees double precision check (ra_degrees >= 0 and ra_degrees < 360),
    dec_degrees double precision check (dec_degrees between -90 and 90),
    body text check (body <> ''),
    azimuth_from_degrees double precision check (azimuth_from_degrees between -360 and 720),
    azimuth_to_degrees double precision check (azimuth_to_degrees between -360 and 720),
    elevation_degrees double precision check (elevation_degrees between 0 and 90),
    constraint fixed_has_coordinates check (
      num_nonnulls(ra_degrees, dec_degrees) = case kind when 'fixed' then 2 else 0 end),
    constraint solar_system_has_a_body check ((kind = 'solar_system') = (body is not null)),
    constraint constant_elevation_has_a_range check (
      num_nonnulls(azimuth_from_degrees, azimuth_to_degrees, elevation_degrees) = case kind when 'constant_elevation' then 3 else 0 end),
    constraint azimuth_goes_upward check (azimuth_from_degrees < azimuth_to_degrees)
  )`,
  `create table obs_mode (
    id uuid primary key,
    name text not null unique check (name <> '')
  )`,
  `create table observation_configuration (
    id uuid primary key,
    name text not null unique check (name <> ''),
    parameters jsonb not null check (jsonb_typeof(parameters) = 'object')
  )`,
  // With the program in the key, a unit can't be in a sub-program of another program.
  `create table obs_unit (
    id uuid primary key,
    name text not null check (name <> ''),
    observing_program_id uuid not null references observing_program,
    sub_observing_program_id uuid,
    source_id uuid not null references source,
    obs_mode_id uuid not null references obs_mode,
    observation_configuration_id uuid references observation_configuration,
    unique (observing_program_id, name),
    constraint sub_program_of_the_program foreign key (sub_observing_program_id, observing_program_id)
      references sub_observing_program (id, observing_program_id)
  )`,
  `create index obs_unit_by_sub_program on obs_unit (sub_observing_program_id, observing_program_id)`,
  `create index obs_unit_by_source on obs_unit (source_id)`,
  `create index obs_unit_by_mode on obs_unit (obs_mode_id)`,
  `create index obs_unit_by_configuration on obs_unit (observation_configuration_id)`,
  // Of each module that takes part, one configuration.
  `create table obs_unit_module_configuration (
    obs_unit_id uuid not null references obs_unit,
    instrument_module_id uuid not null,
    instrument_module_configuration_id uuid not null,
    primary key (obs_unit_id, instrument_module_id),
    constraint configuration_of_the_module foreign key (instrument_module_configuration_id, instrument_module_id)
      references instrument_module_configuration (id, instrument_module_id)
  )`,
  `create index obs_unit_module_configuration_by_configuration
    on obs_unit_module_configuration (instrument_module_configuration_id, instrument_module_id)`,
];

const EXECUTION = [
  // An execution that files were seen of before the instrument told of it has an id of ours already: the instrument's stands beside it.
  `alter table executed_obs_unit
    add column instrument_uuid uuid unique,
    add column obs_unit_id uuid references obs_unit,
    add column status text not null default 'pending' check (status in ('pending', 'in_progress', 'completed', 'failed')),
    add column started_at timestamptz,
    add column finished_at timestamptz,
    add constraint begun_has_a_time check (status <> 'in_progress' or started_at is not null),
    add constraint pending_has_no_time check (status <> 'pending' or (started_at is null and finished_at is null)),
    add constraint over_has_a_time check ((status in ('completed', 'failed')) = (finished_at is not null)),
    add constraint ends_after_it_began check (started_at <= finished_at)`,
  `create index executed_obs_unit_by_obs_unit on executed_obs_unit (obs_unit_id) where obs_unit_id is not null`,
  `create index executed_obs_unit_under_way on executed_obs_unit (source_location_id) where status = 'in_progress'`,
];

const PACKAGES = [
  // The terms of IVOA ObsCore 1.1 that describe a package's content: MJD, degrees, seconds and metres.
  `create table raw_data_package_metadata (
    raw_data_package_id uuid primary key references raw_data_package,
    dataproduct_type text check (dataproduct_type in ('image', 'cube', 'spectrum', 'sed', 'timeseries', 'visibility', 'event', 'measurements')),
    obs_collection text not null check (obs_collection <> ''),
    obs_id text not null check (obs_id <> ''),
    target_name text,
    s_ra double precision check (s_ra >= 0 and s_ra < 360),
    s_dec double precision check (s_dec between -90 and 90),
    t_min double precision,
    t_max double precision,
    t_exptime double precision check (t_exptime >= 0),
    em_min double precision check (em_min > 0),
    em_max double precision,
    facility_name text,
    instrument_name text not null check (instrument_name <> ''),
    described_at timestamptz not null,
    constraint position_is_whole check ((s_ra is null) = (s_dec is null)),
    constraint time_goes_forward check (t_min <= t_max),
    constraint wavelengths_go_upward check (em_min <= em_max)
  )`,
  // What a transfer's command wrote lies in a file where it ran; here is how to find it and whether it is whole.
  `create table data_transfer_log (
    id uuid primary key,
    data_transfer_id uuid references data_transfer,
    long_term_archive_transfer_id uuid references long_term_archive_transfer,
    site text not null check (site ${SLUG}),
    path text not null check (path like '/%'),
    bytes bigint not null check (bytes >= 0),
    sha256 text not null check (sha256 ${SHA256}),
    exit_code integer,
    created_at timestamptz not null,
    constraint log_of_one_thing check (num_nonnulls(data_transfer_id, long_term_archive_transfer_id) = 1),
    unique (site, path)
  )`,
  `create index data_transfer_log_of_transfer on data_transfer_log (data_transfer_id, created_at) where data_transfer_id is not null`,
  `create index data_transfer_log_of_archiving on data_transfer_log (long_term_archive_transfer_id, created_at)
    where long_term_archive_transfer_id is not null`,
];

const ACCESS = [
  `create table "user" (
    id uuid primary key,
    name text not null unique check (name ~ '^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$'),
    full_name text,
    active boolean not null,
    created_at timestamptz not null
  )`,
  `create table role (
    id uuid primary key,
    name text not null unique check (name ${SLUG})
  )`,
  `create table permission (
    id uuid primary key,
    name text not null unique check (name ~ '^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$')
  )`,
  `create table user_role (
    user_id uuid not null references "user",
    role_id uuid not null references role,
    primary key (user_id, role_id)
  )`,
  `create index user_role_by_role on user_role (role_id)`,
  `create table role_permission (
    role_id uuid not null references role,
    permission_id uuid not null references permission,
    primary key (role_id, permission_id)
  )`,
  `create index role_permission_by_permission on role_permission (permission_id)`,
  // Of a token only its beginning, to recognise it by, and its hash.
  `create table api_token (
    id uuid primary key,
    user_id uuid not null references "user",
    name text not null check (name <> ''),
    prefix text not null unique check (prefix ~ '^[A-Za-z0-9_-]{8,32}$'),
    hash text not null unique check (hash ${SHA256}),
    created_at timestamptz not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    unique (user_id, name),
    constraint expires_later check (expires_at > created_at)
  )`,
  // What a token may do at most; its user must have the permission as well.
  `create table api_token_permission (
    api_token_id uuid not null references api_token,
    permission_id uuid not null references permission,
    primary key (api_token_id, permission_id)
  )`,
  `create index api_token_permission_by_permission on api_token_permission (permission_id)`,
];

const LOCATIONS = [
  `update data_location set bucket = null, endpoint = null where storage_type <> 's3'`,
  `alter table data_location
    add column tape_library text check (tape_library <> ''),
    add column tape_pool text check (tape_pool <> ''),
    add constraint tape_has_a_library check ((storage_type = 'tape') = (tape_library is not null)),
    add constraint pool_of_a_library check (tape_pool is null or tape_library is not null),
    add constraint tape_is_an_archive check (storage_type <> 'tape' or location_type = 'long_term_archive'),
    add constraint source_is_a_disk check (location_type not in ('source', 'processing') or storage_type = 'disk'),
    add constraint bucket_of_a_store check (storage_type = 's3' or (bucket is null and endpoint is null))`,
];

/** Keys that refer to others, where rows are sought by them. */
const INDEXES = [
  `create index raw_data_package_by_module on raw_data_package (instrument_module_id)`,
  `create index long_term_archive_transfer_by_archive on long_term_archive_transfer (archive_location_id) where completed_at is null`,
  `create index physical_copy_verified on physical_copy (data_location_id, raw_data_package_id)
    where state = 'present' and verified_at is not null`,
];

const VIEWS = [
  // A file's own copies: the one at its source, and those in packages that were unpacked.
  `create view raw_data_file_physical_copy as
    select f.id as raw_data_file_id, f.raw_data_package_id, f.source_location_id as data_location_id,
      case when f.state = 'deleted' then 'deleted'
        when f.state = 'packaged' and f.kept_reason is null and d.source_delete_after is not null then 'deletion_scheduled'
        else 'present' end as state,
      f.path, f.size as bytes, f.sha256, f.deleted_at
    from raw_data_file f left join package_deletion d on d.raw_data_package_id = f.raw_data_package_id
    union all
    select f.id, f.raw_data_package_id, c.data_location_id, case c.state when 'staged' then 'present' else c.state end,
      f.path, f.size, f.sha256, c.deleted_at
    from physical_copy c
    join data_location l on l.id = c.data_location_id and l.location_type = 'processing'
    join raw_data_file f on f.raw_data_package_id = c.raw_data_package_id`,
  // A transfer package is a list of packages: it is where all of them are.
  `create view data_transfer_package_physical_copy as
    select t.data_transfer_package_id, c.data_location_id,
      case when bool_and(c.state = 'deleted') then 'deleted'
        when bool_and(c.state in ('present', 'staged')) and count(distinct c.raw_data_package_id) = b.package_count then 'present'
        when bool_or(c.state = 'deletion_in_progress' or c.state = 'deleted') then 'deletion_in_progress'
        when bool_or(c.state = 'deletion_scheduled') then 'deletion_scheduled'
        when bool_or(c.state = 'deletion_failed') then 'deletion_failed'
        else 'deletion_possible' end as state,
      count(distinct c.raw_data_package_id)::integer as packages_there, b.package_count,
      sum(c.bytes) filter (where c.state <> 'deleted') as bytes_there
    from data_transfer t
    join data_transfer_package b on b.id = t.data_transfer_package_id
    join data_transfer_item i on i.data_transfer_id = t.id
    join physical_copy c on c.raw_data_package_id = i.raw_data_package_id
      and c.data_location_id in (t.origin_location_id, t.destination_location_id)
    group by t.data_transfer_package_id, c.data_location_id, b.package_count`,
];

/** The observatory, its plans and executions, what describes packages and transfers, who may do what, and tapes. */
export class Entities0000000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of [
      ...OBSERVATORY,
      ...PLANNING,
      ...EXECUTION,
      ...PACKAGES,
      ...ACCESS,
      ...LOCATIONS,
      ...INDEXES,
      ...VIEWS,
    ])
      await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
