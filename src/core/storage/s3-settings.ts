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

/** A location whose store may have keys of its own. */
interface Place {
  site: string;
  name: string;
}

/** A slug as a part of a variable's name: `ramses-2` is `RAMSES_2`. */
function variablePart(slug: string): string {
  return slug.toUpperCase().replaceAll('-', '_');
}

/**
 * Reads from the environment how to reach the S3 store and with which keys: those of the very location
 * (`CCAT_DATA_TRANSFER_S3_<SITE>_<LOCATION>_ACCESS_KEY_ID` and its like), else our own for all, else those that S3 tools share
 * (`AWS_ACCESS_KEY_ID` and its like). A variable that is set to nothing counts as not set.
 *
 * @throws ConfigurationError that names the wrong or missing variables, never their values
 */
export function s3SettingsFromEnvironment(environment: NodeJS.ProcessEnv, place?: Place): S3Settings {
  const value = (name: string) => environment[name] || undefined;
  const has = (prefix: string) =>
    value(`${prefix}ACCESS_KEY_ID`) !== undefined || value(`${prefix}SECRET_ACCESS_KEY`) !== undefined;
  const ofPlace =
    place === undefined ? [] : [`${OWN}${variablePart(place.site)}_${variablePart(place.name)}_`];
  // The keys are a pair: never one of one name with one of another.
  const keys = [...ofPlace, OWN].find(has) ?? SHARED;
  const parsed = schema.safeParse({
    [`${OWN}ENDPOINT`]: value(`${OWN}ENDPOINT`),
    [`${OWN}REGION`]: value(`${OWN}REGION`) ?? value(`${SHARED}REGION`),
    [`${OWN}ACCESS_KEY_ID`]: value(`${keys}ACCESS_KEY_ID`),
    [`${OWN}SECRET_ACCESS_KEY`]: value(`${keys}SECRET_ACCESS_KEY`),
  });
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    const own = ofPlace.length > 0 ? `; keys of this location alone begin with ${ofPlace.join('')}` : '';
    throw new ConfigurationError(`wrong settings for the S3 store: ${problems.join('; ')}`, {
      subject: 'environment',
      advice: `set or correct these variables; the README lists them${own}`,
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
