import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { ConfigurationError } from './exceptions.js';
import { NOTIFICATION_LEVELS } from './notifications/notice.js';
import type { ChannelSettings, NotificationSettings } from './notifications/settings.js';
import { Secret } from './utilities/secret.js';

/** Where metrics, notifications and health keys go to. All of it is optional but the metrics' address. */
export interface ObservabilitySettings {
  /** Where the metrics are served; port 0: any free one, told in the log. Undefined: nowhere. */
  metrics?: { host: string; port: number };
  influx?: { url: string; org: string; bucket: string; token: Secret };
  redis?: { url: Secret; healthType: string; healthName?: string };
  notifications: Omit<NotificationSettings, 'namespace'>;
  /** The directory of the logs of commands. */
  commandLogs: string;
}

const PREFIX = 'CCAT_DATA_TRANSFER_';

const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

const environmentSchema = z.object({
  METRICS: z
    .string()
    .regex(
      /^(off|(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5})$/i,
      'must be host:port, with port 0 for any free one, or "off"',
    )
    .default('127.0.0.1:0'),
  INFLUX_URL: z.url({ protocol: /^https?$/ }).optional(),
  INFLUX_ORG: z.string().min(1).default('ccat'),
  INFLUX_BUCKET: z.string().min(1).default('data-transfer'),
  INFLUX_TOKEN: secret.optional(),
  REDIS_URL: secret.optional(),
  REDIS_HEALTH_TYPE: z
    .string()
    .regex(/^[^:\s]+$/)
    .default('data_transfer'),
  REDIS_HEALTH_NAME: z
    .string()
    .regex(/^[^:\s]+$/)
    .optional(),
  NOTIFICATIONS: z.string().min(1).optional(),
  COMMAND_LOGS: z.string().min(1).default('logs/commands'),
});

const routing = {
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,46}$/, 'must be a-z, 0-9, _ and -'),
  levels: z.array(z.enum(NOTIFICATION_LEVELS)).min(1).default(['warning', 'critical']),
  kinds: z.array(z.string()).min(1).optional(),
  except_kinds: z.array(z.string()).optional(),
};
const channelSchema = z.discriminatedUnion('type', [
  z.strictObject({
    ...routing,
    type: z.literal('email'),
    server: secret,
    from: z.string().min(3),
    to: z.array(z.string().min(3)).min(1),
    ca_file: z.string().optional(),
  }),
  z.strictObject({ ...routing, type: z.enum(['slack', 'mattermost']), url: secret }),
  z.strictObject({
    ...routing,
    type: z.literal('matrix'),
    homeserver: z.url({ protocol: /^https?$/ }),
    room: z.string().regex(/^[!#]/, 'must be a room ID (!...)'),
    token: secret,
  }),
]);
const fileSchema = z.strictObject({
  repeat_minutes: z.number().positive().default(60),
  per_hour: z.number().int().positive().default(20),
  attempts: z.number().int().positive().default(8),
  temporal_ui: z.url({ protocol: /^https?$/ }).optional(),
  channels: z.array(channelSchema).default([]),
});

/**
 * Reads where this process reports to from the environment, and the channels for people from the file that `..._NOTIFICATIONS` names.
 *
 * @throws ConfigurationError that names every wrong key, and never a value
 */
export function observabilitySettings(environment: NodeJS.ProcessEnv): ObservabilitySettings {
  const given = Object.fromEntries(
    Object.keys(environmentSchema.shape).map((key) => [key, environment[`${PREFIX}${key}`] || undefined]),
  );
  const values = checked(environmentSchema, given, 'the environment', PREFIX);
  if (values.INFLUX_URL !== undefined && values.INFLUX_TOKEN === undefined)
    throw wrong('the environment', [`${PREFIX}INFLUX_TOKEN: missing, and ${PREFIX}INFLUX_URL is set`]);
  return {
    metrics: listenAddress(values.METRICS),
    influx:
      values.INFLUX_URL === undefined || values.INFLUX_TOKEN === undefined
        ? undefined
        : {
            url: values.INFLUX_URL,
            org: values.INFLUX_ORG,
            bucket: values.INFLUX_BUCKET,
            token: values.INFLUX_TOKEN,
          },
    redis:
      values.REDIS_URL === undefined
        ? undefined
        : {
            url: values.REDIS_URL,
            healthType: values.REDIS_HEALTH_TYPE,
            healthName: values.REDIS_HEALTH_NAME,
          },
    notifications: notificationSettings(values.NOTIFICATIONS, environment),
    commandLogs: values.COMMAND_LOGS,
  };
}

function notificationSettings(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
): ObservabilitySettings['notifications'] {
  const values = checked(
    fileSchema,
    file === undefined ? {} : readToml(file, environment),
    file ?? 'defaults',
    '',
  );
  const names = values.channels.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(file ?? '', [`channels: there are two of the name ${twice}`]);
  return {
    repeatSeconds: values.repeat_minutes * 60,
    perHour: values.per_hour,
    attempts: values.attempts,
    temporalUi: values.temporal_ui,
    channels: values.channels.map((channel): ChannelSettings => {
      const { except_kinds: exceptKinds, ...one } = channel;
      if (one.type !== 'email') return { ...one, exceptKinds };
      const { ca_file: caFile, ...mail } = one;
      return { ...mail, exceptKinds, caFile };
    }),
  };
}

/** A TOML document; a text `env:NAME` stands for that variable's value, so that secrets need not lie in the file. */
function readToml(file: string, environment: NodeJS.ProcessEnv): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(`${file} can't be read: ${String(cause)}`, { subject: file, cause });
  }
  try {
    return JSON.parse(
      JSON.stringify(parse(text), (_key, value: unknown) => fromEnvironment(value, file, environment)),
    );
  } catch (error) {
    if (error instanceof ConfigurationError) throw error;
    // The parser's message quotes the line, which may hold a password: only where it is wrong is told.
    const line = (error as { line?: number }).line;
    throw new ConfigurationError(`${file} is no TOML${line === undefined ? '' : `, line ${line}`}`, {
      subject: file,
    });
  }
}

function fromEnvironment(value: unknown, file: string, environment: NodeJS.ProcessEnv): unknown {
  if (typeof value !== 'string' || !value.startsWith('env:')) return value;
  const name = value.slice('env:'.length);
  const found = environment[name];
  if (found !== undefined && found !== '') return found;
  throw wrong(file, [`the variable ${name}, which it names, is not set`]);
}

function listenAddress(text: string): ObservabilitySettings['metrics'] {
  if (text === 'off') return undefined;
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function checked<T>(schema: z.ZodType<T>, value: unknown, where: string, prefix: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw wrong(
    where,
    parsed.error.issues.map((issue) => `${prefix}${issue.path.join('.')}: ${issue.message}`),
  );
}

function wrong(where: string, problems: string[]): ConfigurationError {
  return new ConfigurationError(`wrong settings in ${where}: ${problems.join('; ')}`, {
    subject: where,
    advice: 'correct them; docs/monitoring.md lists them all',
  });
}
