import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { ConfigurationError } from '../exceptions.js';
import { Secret } from '../utilities/secret.js';
import { NOTIFICATION_LEVELS } from './notice.js';
import type { ChannelSettings, NotificationSettings } from './settings.js';

const secret = z
  .string()
  .min(1)
  .transform((value) => new Secret(value));

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
 * Reads who is told of what from a TOML file; without one nobody is, but the log.
 *
 * @throws ConfigurationError that names every wrong key, and never a value
 */
export function notificationSettings(
  file: string | undefined,
  environment: NodeJS.ProcessEnv,
): Omit<NotificationSettings, 'namespace'> {
  const values = checked(
    fileSchema,
    file === undefined ? {} : readToml(file, environment),
    file ?? 'defaults',
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

function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw wrong(
    where,
    parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`),
  );
}

function wrong(where: string, problems: string[]): ConfigurationError {
  return new ConfigurationError(`wrong settings in ${where}: ${problems.join('; ')}`, {
    subject: where,
    advice: 'correct them; docs/monitoring.md lists them all',
  });
}
