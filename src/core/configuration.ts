import { z } from 'zod';
import { ConfigurationError } from './exceptions.js';
import { parseSetting } from './setting-values.js';
import type { ConfiguredSettings } from './settings-manager.js';
import { SETTING_NAMES, variableOf } from './settings-registry.js';

const schema = z.object({
  CCAT_DATA_TRANSFER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  CCAT_DATA_TRANSFER_LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  CCAT_DATA_TRANSFER_LOG_FORMAT: z.enum(['json', 'text']).default('json'),
});

/** What a worker needs to know besides the catalogue. Read once at its start. */
export interface WorkerSettings {
  databaseUrl: string;
  logLevel: 'error' | 'warn' | 'info' | 'debug';
  logFormat: 'json' | 'text';
  /** What holds where the catalogue has no value. */
  configured: ConfiguredSettings;
}

/**
 * Reads a worker's settings from the environment.
 *
 * @throws ConfigurationError that names every wrong or missing variable
 */
export function workerSettings(environment: NodeJS.ProcessEnv): WorkerSettings {
  const parsed = schema.safeParse(environment);
  const { configured, problems: wrong } = configuredSettings(environment);
  if (!parsed.success || wrong.length > 0) {
    // The values themselves may hold passwords: only names and expectations are told.
    const issues = parsed.success ? [] : parsed.error.issues;
    const problems = [...issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`), ...wrong];
    throw new ConfigurationError(`wrong settings in the environment: ${problems.join('; ')}`, {
      subject: 'environment',
      advice: 'set or correct these variables; the README lists them',
    });
  }
  const values = parsed.data;
  return {
    databaseUrl: values.CCAT_DATA_TRANSFER_DATABASE_URL,
    logLevel: values.CCAT_DATA_TRANSFER_LOG_LEVEL,
    logFormat: values.CCAT_DATA_TRANSFER_LOG_FORMAT,
    configured,
  };
}

/** The settings that the environment gives, each by its variable. */
export function configuredSettings(environment: NodeJS.ProcessEnv): {
  configured: ConfiguredSettings;
  problems: string[];
} {
  const configured: ConfiguredSettings = {};
  const problems: string[] = [];
  for (const name of SETTING_NAMES) {
    const text = environment[variableOf(name)];
    if (text === undefined || text === '') continue;
    const checked = parseSetting(name, text);
    if ('reason' in checked) problems.push(`${variableOf(name)}: ${checked.reason}`);
    else configured[name] = checked.value;
  }
  return { configured, problems };
}
