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

const OWN = 'CCAT_DATA_TRANSFER_S3_';
/** What S3 tools share. */
const SHARED = 'AWS_';

/**
 * Reads from the environment how to reach the S3 store and with which keys: our own variables, else those that S3 tools share
 * (`AWS_ACCESS_KEY_ID` and its like). A variable that is set to nothing counts as not set.
 *
 * @throws ConfigurationError that names the wrong or missing variables, never their values
 */
export function s3SettingsFromEnvironment(environment: NodeJS.ProcessEnv): S3Settings {
  const value = (name: string) => environment[name] || undefined;
  // The keys are a pair: never one of ours with one of theirs.
  const keys = (value(`${OWN}ACCESS_KEY_ID`) ?? value(`${OWN}SECRET_ACCESS_KEY`)) ? OWN : SHARED;
  const parsed = schema.safeParse({
    [`${OWN}ENDPOINT`]: value(`${OWN}ENDPOINT`),
    [`${OWN}REGION`]: value(`${OWN}REGION`) ?? value(`${SHARED}REGION`),
    [`${OWN}ACCESS_KEY_ID`]: value(`${keys}ACCESS_KEY_ID`),
    [`${OWN}SECRET_ACCESS_KEY`]: value(`${keys}SECRET_ACCESS_KEY`),
  });
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
