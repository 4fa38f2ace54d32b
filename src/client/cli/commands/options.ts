import { InvalidArgumentError } from 'commander';
import { ConfigurationError } from '../../../core/exceptions.js';
import { dataDirectoryOf } from '../directories.js';
import { findServers, type ServerAddresses } from '../stack-access.js';

export const DATA_DIR = [
  '--data-dir <dir>',
  'data directory of the running system (CCAT_DATA_TRANSFER_DATA_DIR, else .cdt in the project)',
] as const;
export const JSON_OUTPUT = ['--json', 'print one JSON document instead of a table'] as const;

/** The servers that a command's options and the environment name. */
export function serversFor(
  options: { dataDir?: string },
  environment: NodeJS.ProcessEnv,
): Promise<ServerAddresses> {
  return findServers(environment, dataDirectoryOf(options.dataDir, environment));
}

/** Parses a number that may not be negative. */
export function nonNegative(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('It must be a number, 0 or more.');
  return value;
}

/** Parses a number above 0. */
export function positive(text: string): number {
  const value = nonNegative(text);
  if (value === 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/**
 * A location as it is written on the command line.
 *
 * @throws ConfigurationError where that is not `site.location`
 */
export function placeOf(name: string): { site: string; location: string } {
  const [site, location, ...rest] = name.split('.');
  if (site !== undefined && location !== undefined && rest.length === 0 && site !== '' && location !== '')
    return { site, location };
  throw new ConfigurationError(`"${name}" names no location: write site.location`, {
    subject: name,
    advice: '`cdt topology show` lists them',
  });
}
