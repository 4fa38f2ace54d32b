import { z } from 'zod';
import { ConfigurationError } from './exceptions.js';

const GB = 1e9;

const schema = z.object({
  CCAT_DATA_TRANSFER_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  CCAT_DATA_TRANSFER_LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  CCAT_DATA_TRANSFER_LOG_FORMAT: z.enum(['json', 'text']).default('json'),
  CCAT_DATA_TRANSFER_QUIET_SECONDS: z.coerce.number().min(0).default(60),
  CCAT_DATA_TRANSFER_PACKAGE_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(50 * GB),
  CCAT_DATA_TRANSFER_PACKAGE_FILES: z.coerce.number().int().positive().default(100_000),
  CCAT_DATA_TRANSFER_BUNDLE_BYTES: z.coerce
    .number()
    .int()
    .positive()
    .default(200 * GB),
  CCAT_DATA_TRANSFER_BUNDLE_PACKAGES: z.coerce.number().int().min(1).max(50).default(20),
  CCAT_DATA_TRANSFER_REQUIRED_COPIES: z.coerce.number().int().min(1).default(1),
  CCAT_DATA_TRANSFER_VERIFICATION_AGE_HOURS: z.coerce.number().positive().default(24),
  CCAT_DATA_TRANSFER_STALL_SECONDS: z.coerce.number().positive().default(120),
});

/** What a worker needs to know besides the catalogue. Read once at its start. */
export interface WorkerSettings {
  databaseUrl: string;
  logLevel: 'error' | 'warn' | 'info' | 'debug';
  logFormat: 'json' | 'text';
  /** A file is packaged when it was not written for this long. */
  quietSeconds: number;
  /** Largest package: payload bytes and number of files. */
  packageBytes: number;
  packageFiles: number;
  /** Largest bundle that is sent together. */
  bundleBytes: number;
  bundlePackages: number;
  /** Verified archive copies that must exist before any other copy may be deleted. */
  requiredCopies: number;
  /** A full read-back older than this is repeated before it may justify a deletion. */
  verificationAgeSeconds: number;
  /** Work of which no byte moves for this long is given up and tried again. */
  stallSeconds: number;
}

/**
 * Reads a worker's settings from the environment.
 *
 * @throws ConfigurationError that names every wrong or missing variable
 */
export function workerSettings(environment: NodeJS.ProcessEnv): WorkerSettings {
  const parsed = schema.safeParse(environment);
  if (!parsed.success) {
    // The values themselves may hold passwords: only names and expectations are told.
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
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
    quietSeconds: values.CCAT_DATA_TRANSFER_QUIET_SECONDS,
    packageBytes: values.CCAT_DATA_TRANSFER_PACKAGE_BYTES,
    packageFiles: values.CCAT_DATA_TRANSFER_PACKAGE_FILES,
    bundleBytes: values.CCAT_DATA_TRANSFER_BUNDLE_BYTES,
    bundlePackages: values.CCAT_DATA_TRANSFER_BUNDLE_PACKAGES,
    requiredCopies: values.CCAT_DATA_TRANSFER_REQUIRED_COPIES,
    verificationAgeSeconds: values.CCAT_DATA_TRANSFER_VERIFICATION_AGE_HOURS * 3600,
    stallSeconds: values.CCAT_DATA_TRANSFER_STALL_SECONDS,
  };
}
