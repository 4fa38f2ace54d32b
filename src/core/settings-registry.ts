import { PRIMARY_POLICIES } from './policy/primary-destination.js';
import { bytes, days, hours, integer, minutes, percent, seconds, type ValueKind } from './value-kinds.js';

/**
 * Every setting: what operators change while the system runs, and what holds until they do.
 *
 * To add one, add its entry to {@link SETTINGS}; `settings.get('group.name', place)` then gives its value, `cdt settings` lists and
 * changes it, and `CCAT_DATA_TRANSFER_GROUP_NAME` or the configuration file set it for one process. The page docs/configuration.md
 * has a line for each (`npm run docs` writes them).
 */

/** Where a value may be given, each setting's. The narrowest that speaks of a place holds there. */
export type Scope = 'global' | 'site' | 'location';

interface Common {
  /** One line, for operators. */
  description: string;
  /** The variable that sets it, where that is not `CCAT_DATA_TRANSFER_` and its name in capitals. */
  variable?: string;
}

/** Its kind and its default. */
export type SettingDefinition = Common &
  (
    | (Extract<ValueKind, { min: number }> & { default: number })
    | (Extract<ValueKind, { type: 'boolean' }> & { default: boolean })
    | (Extract<ValueKind, { type: 'text' | 'choice' | 'url' }> & { default: string })
  );

export const SETTINGS = {
  'archive.facility_name': {
    type: 'text',
    pattern: /^\S(.{0,98}\S)?$/,
    expected: 'a name of up to 100 characters',
    default: 'FYST',
    description: 'the observatory, as the documents beside archived packages name it (ObsCore facility_name)',
  },

  'packaging.quiet_seconds': {
    ...seconds(0, 7 * 86_400),
    default: 60,
    variable: 'CCAT_DATA_TRANSFER_QUIET_SECONDS',
    description: 'a file is packaged when it was not written for this long',
  },
  'packaging.execution_quiet_seconds': {
    ...seconds(0, 30 * 86_400),
    default: 3600,
    description:
      'an execution that was begun and never finished is packaged when nothing new came for this long',
  },
  'packaging.max_bytes': {
    ...bytes(1, 5e12),
    default: 50e9,
    variable: 'CCAT_DATA_TRANSFER_PACKAGE_BYTES',
    description: 'largest package: bytes of the files in it',
  },
  'packaging.max_files': {
    ...integer('files', 1, 1_000_000),
    default: 100_000,
    variable: 'CCAT_DATA_TRANSFER_PACKAGE_FILES',
    description: 'largest package: number of files in it',
  },

  'planning.interval_seconds': {
    ...seconds(1, 7 * 86_400),
    default: 60,
    variable: 'CCAT_DATA_TRANSFER_PLAN_SECONDS',
    description: 'how often planners look for work of their own accord; journeys wake them earlier',
  },

  'transfer.bundle_bytes': {
    ...bytes(1, 1e15),
    default: 200e9,
    variable: 'CCAT_DATA_TRANSFER_BUNDLE_BYTES',
    description: 'most bytes that are sent together',
  },
  'transfer.bundle_packages': {
    ...integer('packages', 1, 50),
    default: 20,
    variable: 'CCAT_DATA_TRANSFER_BUNDLE_PACKAGES',
    description: 'most packages that are sent together',
  },
  'transfer.bundle_max_age_seconds': {
    ...seconds(0, 7 * 86_400),
    default: 0,
    description: 'a bundle that could hold more is sent when its oldest package waited for this long',
  },

  'deletion.required_copies': {
    ...integer('copies', 1, 20),
    default: 1,
    variable: 'CCAT_DATA_TRANSFER_REQUIRED_COPIES',
    description: 'verified archive copies that must exist before any other copy may be deleted',
  },
  'deletion.verification_age_hours': {
    ...hours(0, 8760),
    default: 24,
    variable: 'CCAT_DATA_TRANSFER_VERIFICATION_AGE_HOURS',
    description: 'a full read-back older than this is repeated before it may justify a deletion',
  },
  'deletion.challenge_age_minutes': {
    ...minutes(1, 1440),
    default: 60,
    description: 'an archive copy counts only if it answered a challenge within this time',
  },
  'deletion.retention_hours': {
    ...hours(0, 87600),
    default: 0,
    description: 'whatever comes to a location is kept there for at least this long',
  },
  'deletion.archived_hours': {
    ...hours(0, 87600),
    default: 0,
    description: 'a copy is kept for at least this long after its package was archived',
  },
  'deletion.grace_hours': {
    ...hours(0, 8760),
    default: 24,
    description: 'how long a scheduled deletion can be undone before anything goes',
  },
  'deletion.only_under_pressure': {
    type: 'boolean',
    default: false,
    description: 'what may be deleted stays while its disk has room',
  },
  'deletion.budget_hours': {
    ...hours(0.001, 720),
    default: 1,
    description: 'the time within which a location spends its budget of deletions',
  },
  'deletion.budget_bytes': {
    ...bytes(1, 5e15),
    default: 2e12,
    description: 'most bytes that are scheduled for deletion at a location within the time of its budget',
  },
  'deletion.budget_copies': {
    ...integer('copies', 1, 1_000_000),
    default: 1000,
    description: 'most copies that are scheduled for deletion at a location within the time of its budget',
  },
  'deletion.budget_share': {
    type: 'number',
    default: 0.25,
    min: 0,
    max: 1,
    description:
      'largest part of the bytes at a location that is scheduled for deletion within the time of its budget',
  },

  'liveness.stall_seconds': {
    ...seconds(1, 86_400),
    default: 120,
    variable: 'CCAT_DATA_TRANSFER_STALL_SECONDS',
    description: 'an attempt of which no byte moves for this long is given up and tried again',
  },
  'liveness.floor_bytes_per_second': {
    ...bytes(0, 1e9),
    default: 1000,
    description: 'an attempt that moves fewer bytes per second is given up and tried again; 0 allows any',
  },
  'liveness.floor_window_seconds': {
    ...seconds(1, 3600),
    default: 300,
    description: 'the time over which bytes per second are counted for that',
  },
  'liveness.breaker_failures': {
    ...integer('failures', 1, 1000),
    default: 5,
    description: 'a route or a store that failed so often in a row is left alone for a while',
  },
  'liveness.breaker_first_wait_seconds': {
    ...seconds(1, 86_400),
    default: 15,
    description: 'how long it is left alone at first; each probe that fails doubles that',
  },
  'liveness.breaker_longest_wait_seconds': {
    ...seconds(1, 604_800),
    default: 3600,
    description: 'the longest that it is left alone before it is probed again',
  },
  'liveness.breaker_probe_seconds': {
    ...seconds(1, 86_400),
    default: 300,
    description: 'a probe that has told nothing for this long is taken for lost, and another one may begin',
  },

  'audit.interval_days': {
    ...days(0, 3650),
    default: 90,
    description: 'an archived copy is read again in full when it was last read longer ago than this',
  },
  'audit.bytes_per_second': {
    ...bytes(1e6, 1e11),
    default: 50e6,
    description: 'most bytes per second that are read from an archive to audit it',
  },

  'archive.one_request_bytes': {
    ...bytes(0, 5e9),
    default: 512 * 1024 * 1024,
    description:
      'largest package that goes into an S3 store in one request at the first attempt; larger ones go in parts, several at once',
  },
  'archive.copy_program': {
    type: 'choice',
    values: ['none', 'cp'],
    default: 'none',
    description: 'the program that copies packages into archives on disks; none: the worker itself',
  },

  'staging.max_bytes_per_job': {
    ...bytes(1, 5e15),
    default: 10e12,
    description: 'most bytes that one staging job may ask for',
  },
  'staging.max_packages_per_job': {
    ...integer('packages', 1, 1000),
    default: 500,
    description: 'most packages that one staging job may ask for',
  },
  'staging.keep_days': {
    ...days(1, 3650),
    default: 14,
    description: 'how long staged files stay where the job does not say',
  },
  'staging.max_keep_days': {
    ...days(1, 3650),
    default: 90,
    description: 'the longest that a staging job may keep its files without being extended',
  },
  'staging.retention_hours': {
    ...hours(0, 8760),
    default: 24,
    description: 'how long a staged copy that no job needs any more stays for the next who asks',
  },
  'staging.min_free_bytes': {
    ...bytes(0, 1e15),
    default: 1e9,
    description: 'bytes that staging leaves free on the disk of a processing location',
  },

  'routing.primary_policy': {
    type: 'choice',
    values: PRIMARY_POLICIES,
    default: 'round_robin',
    description:
      'how the site is chosen that gets the first copy of what leaves a buffer: in turn, by free space, by observed rate, or by both',
  },
  'routing.rate_window_hours': {
    ...hours(1, 720),
    default: 24,
    description: 'how far back transfers tell the rate of their route',
  },

  'monitoring.interval_seconds': {
    ...seconds(1, 86_400),
    default: 60,
    description: 'how often the disk of a location is measured',
  },
  'monitoring.warn_percent': {
    ...percent(1, 100),
    default: 80,
    description: 'a disk so full is told of',
  },
  'monitoring.high_percent': {
    ...percent(1, 100),
    default: 90,
    description: 'a buffer so full gets new data only when no other one can take it',
  },
  'monitoring.critical_percent': {
    ...percent(1, 100),
    default: 95,
    description: 'a buffer gets no new data that would fill it so far',
  },
  'monitoring.critical_free_bytes': {
    ...bytes(0, 1e15),
    default: 0,
    description: 'a disk with fewer bytes free is at the critical level, whatever its percentage',
  },
  'monitoring.rate_minutes': {
    ...minutes(2, 1440),
    default: 60,
    description: 'how far back it is looked at to tell how fast a disk fills',
  },
} as const satisfies Record<string, SettingDefinition>;

/** Settings whose values must not fall from one to the next, wherever they hold. */
export const ASCENDING = [
  ['monitoring.warn_percent', 'monitoring.high_percent', 'monitoring.critical_percent'],
] as const satisfies readonly (readonly (keyof typeof SETTINGS)[])[];

export type SettingName = keyof typeof SETTINGS;

/** What a kind's values are in code. */
export type ValueOf<K extends ValueKind> = K extends { values: readonly string[] }
  ? K['values'][number]
  : K extends { type: 'text' | 'url' }
    ? string
    : K extends { type: 'boolean' }
      ? boolean
      : number;

export type SettingValue<N extends SettingName> = ValueOf<(typeof SETTINGS)[N]>;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

export function definitionOf(name: SettingName): SettingDefinition {
  return SETTINGS[name];
}

/** The environment variable that sets it for one process. */
export function variableOf(name: SettingName): string {
  return definitionOf(name).variable ?? `CCAT_DATA_TRANSFER_${name.replaceAll('.', '_').toUpperCase()}`;
}
