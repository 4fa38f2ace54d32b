import { SETTING_NAMES, SETTINGS, variableOf, type ValueOf } from '../settings-registry.js';
import type { Secret } from '../utilities/secret.js';
import { seconds, type AnyValue, type ValueKind } from '../value-kinds.js';

/**
 * Every key of the configuration: what a process is told at its start. (What operators change while it runs is a setting:
 * `settings-registry.ts`; each setting is a key here too, and holds where the catalogue has no value.)
 *
 * To add a key, add its line to {@link KEYS}: `group.name` is then read from the section `[<environment>.group]` of the file and
 * from `CCAT_DATA_TRANSFER_GROUP_NAME`, checked, listed by `cdt config show`, and typed in `configuration.values['group.name']`. With
 * `secret`, it comes as a {@link Secret}, from its variable or from the file that the variable `..._FILE` (or `name_file`) names.
 * `npm run docs` then writes the table of docs/configuration.md anew.
 */

export type ConfigurationKey = ValueKind & {
  /** Absent: not set unless somebody sets it. */
  default?: AnyValue;
  /** One line, for operators. */
  description: string;
  /** The variable that sets it, where that is not `CCAT_DATA_TRANSFER_` and its name in capitals. */
  variable?: string;
  /** `whole`: never shown and never in the configuration file. `password`: that of a URL; without one, the URL may stand in the file. */
  secret?: 'whole' | 'password';
};

/** What may stand between the colons of a health key. */
const NAME_IN_KEY = { pattern: /^[^:\s]+$/, expected: 'a name without colons and spaces' } as const;

/** Where to listen. */
const ADDRESS = {
  pattern: /^(\[[0-9a-f:.]+\]|[^:\s[\]]+):\d{1,5}$/i,
  expected: 'host:port',
} as const;

export const KEYS = {
  data_dir: { type: 'text', description: 'the data directory of `cdt up`; `.cdt` in the project unless set' },
  'database.url': {
    type: 'url',
    protocols: ['postgres', 'postgresql'],
    secret: 'password',
    description: 'the catalogue: postgresql://user:password@host:port/database',
  },
  'database.pool_size': {
    type: 'integer',
    min: 1,
    max: 100,
    default: 5,
    description: 'connections to the catalogue that a process has at most',
  },
  'database.statement_timeout': {
    ...seconds(1, 3600),
    default: 60,
    description: 'how long a statement in the catalogue, or a pause within a transaction, may take',
  },
  'database.connect_timeout': {
    ...seconds(1, 300),
    default: 10,
    description: 'how long a new connection to the catalogue may take',
  },
  'log.level': {
    type: 'choice',
    values: ['error', 'warn', 'info', 'debug'],
    default: 'info',
    description: 'what is logged at least',
  },
  'log.format': {
    type: 'choice',
    values: ['json', 'text'],
    description:
      'one JSON document a line, or text for people; text on a terminal and json elsewhere unless set',
  },
  'log.commands': {
    type: 'text',
    variable: 'CCAT_DATA_TRANSFER_COMMAND_LOGS',
    description:
      'the directory for the logs of transfers and of commands; logs/commands in the data directory unless set',
  },
  's3.endpoint': { type: 'url', protocols: ['http', 'https'], description: 'the S3 store' },
  's3.region': { type: 'text', description: 'its region; AWS_REGION or us-east-1 unless set' },
  's3.access_key_id': {
    type: 'text',
    description: 'its access key; AWS_ACCESS_KEY_ID unless set',
  },
  's3.secret_access_key': {
    type: 'text',
    secret: 'whole',
    description: 'the secret of that key; AWS_SECRET_ACCESS_KEY unless set',
  },
  'metrics.address': {
    type: 'text',
    pattern: /^(off|(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5})$/i,
    expected: 'host:port (port 0: any free one) or off',
    variable: 'CCAT_DATA_TRANSFER_METRICS',
    default: '127.0.0.1:0',
    description: 'where the process serves its metrics',
  },
  'stream.certificates': {
    type: 'text',
    description:
      'the directory of certificates for routes of transport stream: authority.pem, and of the site <site>.pem and <site>.key',
  },
  'stream.listen': {
    type: 'text',
    ...ADDRESS,
    description: 'where the worker accepts connections of other sites; it accepts none unless set',
  },
  'influx.url': {
    type: 'url',
    protocols: ['http', 'https'],
    description: 'an InfluxDB that metrics are written to',
  },
  'influx.org': { type: 'text', default: 'ccat', description: 'its organisation' },
  'influx.bucket': { type: 'text', default: 'data-transfer', description: 'its bucket' },
  'influx.token': { type: 'text', secret: 'whole', description: 'its token' },
  'redis.url': {
    type: 'url',
    protocols: ['redis', 'rediss'],
    secret: 'password',
    description: 'a Redis that gets the health keys of the observatory',
  },
  'redis.health_type': {
    type: 'text',
    ...NAME_IN_KEY,
    default: 'data_transfer',
    description: 'the type in its keys health:{type}:{name}',
  },
  'redis.health_name': {
    type: 'text',
    ...NAME_IN_KEY,
    description: 'the name in its keys health:{type}:{name}; the site unless set',
  },
  'notifications.file': {
    type: 'text',
    variable: 'CCAT_DATA_TRANSFER_NOTIFICATIONS',
    description: 'the file that names who is told of what',
  },
} as const satisfies Record<string, ConfigurationKey>;

export type KeyName = keyof typeof KEYS;

/** What a key's value is in code. */
export type KeyValue<K extends KeyName> =
  | ((typeof KEYS)[K] extends { secret: string } ? Secret : ValueOf<(typeof KEYS)[K]>)
  | ((typeof KEYS)[K] extends { default: AnyValue } ? never : undefined);

export const KEY_NAMES = Object.keys(KEYS) as KeyName[];

/** Keys and settings alike: all that a file and the environment may give, by name. */
export const ALL_KEYS: ReadonlyMap<string, ConfigurationKey & { variable: string }> = new Map([
  ...KEY_NAMES.map((name) => [name, { ...keyOf(name), variable: variableOfKey(name) }] as const),
  ...SETTING_NAMES.map((name) => [name, { ...SETTINGS[name], variable: variableOf(name) }] as const),
]);

export const PREFIX = 'CCAT_DATA_TRANSFER_';

/** Variables that belong to no key. */
export const OTHER_VARIABLES = {
  /** The configuration file. */
  config: `${PREFIX}CONFIG`,
  /** Which of its sections holds. */
  environment: `${PREFIX}ENVIRONMENT`,
  /** Set for the servers that `cdt up` starts, so that what it left behind is found. */
  owner: `${PREFIX}OWNER`,
} as const;

/** Variables of which there may be any number: the S3 keys of one location, and what the notifications' file refers to. */
export const VARIABLE_PATTERNS = [
  /^CCAT_DATA_TRANSFER_S3_[A-Z0-9_]+_(ACCESS_KEY_ID|SECRET_ACCESS_KEY)$/,
  /^CCAT_DATA_TRANSFER_NOTIFICATIONS_[A-Z0-9_]+$/,
];

function keyOf(name: KeyName): ConfigurationKey {
  return KEYS[name];
}

function variableOfKey(name: KeyName): string {
  return keyOf(name).variable ?? `CCAT_DATA_TRANSFER_${name.replaceAll('.', '_').toUpperCase()}`;
}
