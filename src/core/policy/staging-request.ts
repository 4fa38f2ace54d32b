import { z } from 'zod';
import { ConfigurationError } from '../exceptions.js';
import { isPattern, patternSource } from './path-pattern.js';

/** What a person, a program or a schedule asks for: plain JSON, the same for all three. */
export interface StagingRequest {
  /** `site.location` of a processing location. */
  destination: string;
  /** Executed observation units, by name or ID: all their packages. */
  observations?: string[];
  /** Raw data packages, by name or ID. */
  packages?: string[];
  /** Files by their path below the source; `*`, `?` and `**` stand for others, but not in the first name. */
  files?: string[];
  /** The latest observations whose packages are all archived: this many. */
  newest?: number;
  /** Of all these, only files whose path matches one of these patterns. */
  only?: string[];
  /** Take what is in an archive already, instead of refusing when a part of it is not. */
  archivedOnly?: boolean;
  requestedBy: string;
  reason?: string;
  /** How long the files stay once they are there: a number and `h`, `d` or `w`, such as `7d`. */
  keepFor?: string;
  /** 1 (first) to 5; 3 unless told otherwise. */
  priority?: number;
}

const name = z.string().min(1).max(4096);
const names = z.array(name).min(1).max(1000);

const schema = z.strictObject({
  destination: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9_-]*\.[a-z0-9][a-z0-9_-]*$/,
      'a processing location as site.location, such as cologne.ramses',
    ),
  observations: names.optional(),
  packages: names.optional(),
  files: names.optional(),
  newest: z.int().min(1).max(1000).optional(),
  only: names.optional(),
  archivedOnly: z.boolean().optional(),
  requestedBy: z.string().min(1).max(200),
  reason: z.string().max(2000).optional(),
  keepFor: z.string().optional(),
  priority: z.int().min(1).max(5).optional(),
});

/**
 * Checks a request from outside.
 *
 * @throws ConfigurationError that names every wrong key and what is expected
 */
export function parseStagingRequest(given: unknown): StagingRequest {
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.length === 0 ? 'request' : issue.path.join('.')}: ${issue.message}`,
    );
    throw wrong(problems.join('; '));
  }
  const request = parsed.data;
  const { observations, packages, files, newest } = request;
  if (observations === undefined && packages === undefined && files === undefined && newest === undefined)
    throw wrong('it asks for nothing: name observations, packages, files or newest');
  for (const pattern of request.only ?? []) patternSource(pattern);
  for (const file of files ?? []) {
    patternSource(file);
    if (isPattern(file.split('/')[0] ?? ''))
      throw wrong(`files: ${JSON.stringify(file)} must begin with the name of an observation's folder`);
  }
  if (request.keepFor !== undefined) durationSeconds(request.keepFor);
  return request;
}

const UNITS: Record<string, number> = { h: 3600, d: 86_400, w: 7 * 86_400 };

/**
 * Seconds of a time such as `12h`, `7d` or `2w`.
 *
 * @throws ConfigurationError for anything else
 */
export function durationSeconds(text: string): number {
  const found = /^(\d{1,5})([hdw])$/.exec(text);
  const seconds = Number(found?.[1]) * (UNITS[found?.[2] ?? ''] ?? NaN);
  if (seconds > 0) return seconds;
  throw new ConfigurationError(`${JSON.stringify(text)} is no time to keep files for`, {
    subject: 'keepFor',
    advice: 'Give a number and h, d or w: 12h, 7d, 2w.',
  });
}

function wrong(message: string): ConfigurationError {
  return new ConfigurationError(`this can't be staged: ${message}`, {
    subject: 'staging request',
    advice:
      'docs/staging.md shows every key. A request is {"destination": "site.location", "observations": ["..."], "requestedBy": "you"}.',
  });
}
