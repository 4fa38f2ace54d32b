import { z } from 'zod';
import { ConfigurationError } from '../exceptions.js';
import { Secret } from '../utilities/secret.js';

export interface S3Settings {
  /** Absent for the provider's own. */
  endpoint?: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: Secret;
}

const schema = z.object({
  CCAT_DATA_TRANSFER_S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  CCAT_DATA_TRANSFER_S3_REGION: z.string().min(1).default('us-east-1'),
  CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID: z.string().min(1),
  CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY: z.string().min(1),
});

/**
 * Reads from the environment how to reach the S3 store and with which keys.
 *
 * @throws ConfigurationError that names the wrong or missing variables, never their values
 */
export function s3SettingsFromEnvironment(environment: NodeJS.ProcessEnv): S3Settings {
  const parsed = schema.safeParse(environment);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigurationError(`wrong settings for the S3 store: ${problems.join('; ')}`, {
      subject: 'environment',
      advice: 'set or correct these variables; the README lists them',
    });
  }
  const values = parsed.data;
  return {
    endpoint: values.CCAT_DATA_TRANSFER_S3_ENDPOINT,
    region: values.CCAT_DATA_TRANSFER_S3_REGION,
    accessKeyId: values.CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID,
    secretAccessKey: new Secret(values.CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY),
  };
}
