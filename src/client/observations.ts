import { lstat } from 'node:fs/promises';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Execution, ExecutionKey } from '../core/database/catalogue/observations.js';
import type { FoundEntry, Location } from '../core/database/records.js';
import { ConfigurationError, PermanentError } from '../core/exceptions.js';
import { readInstrumentModule, UNASSIGNED } from '../core/package/instrument-module.js';
import { classifyDiskError, insideDirectory } from '../core/utilities/disk.js';
import { decodePath, encodePath } from '../core/utilities/path-text.js';
import { printable } from '../core/utilities/printable.js';

/**
 * The way in for instruments: what they tell of executions and files. Every call may be repeated, and may come late or out of order;
 * an instrument that keeps its calls while the line is down gives the same identifiers and times when it sends them later.
 */

/** Which execution: its UUID, or the source and the folder there, or both. The first call of an execution names both. */
export interface ExecutionName {
  /** Given by the instrument; any version. */
  uuid?: string;
  /** As `site.location`. */
  source?: string;
  /** The first-level folder at the source. */
  folder?: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Tells that an execution began.
 *
 * @param told.at ISO 8601 with a zone; now where absent
 * @param told.obsUnitId what was planned
 * @returns its id in the catalogue
 * @throws PermanentError where it contradicts what was told before, or the name can't be one
 * @throws DatabaseError while the catalogue can't be reached: keep the call and repeat it
 */
export async function startObservation(
  catalogue: Catalogue,
  told: ExecutionName & { at?: string; obsUnitId?: string },
): Promise<string> {
  const { at, obsUnitId } = told;
  return await catalogue.observations.start({
    ...(await keyOf(catalogue, told)),
    at: timeOf(at),
    obsUnitId: obsUnitId === undefined ? undefined : uuidOf(obsUnitId),
  });
}

/** Tells that an execution is over: its files are packaged as soon as they are still. As {@link startObservation}. */
export async function finishObservation(
  catalogue: Catalogue,
  told: ExecutionName & { at?: string; outcome?: 'completed' | 'failed' },
): Promise<string> {
  const { at, outcome = 'completed' } = told;
  return await catalogue.observations.finish({
    ...(await keyOf(catalogue, told)),
    at: timeOf(at),
    outcome,
  });
}

/** What is known of executions, the latest first. */
export async function listObservations(
  catalogue: Catalogue,
  which: { source?: string; status?: Execution['status']; limit?: number } = {},
): Promise<Execution[]> {
  const { source, status, limit = 100 } = which;
  const sourceLocationId = source === undefined ? undefined : (await sourceOf(catalogue, source)).id;
  return await catalogue.observations.list({ sourceLocationId, status, limit });
}

/**
 * Tells of files that an instrument wrote, before a scan sees them. Runs where the source's disk is. A file that was told of and then
 * is not there is refused when its package is made, with a problem that says so.
 *
 * @param paths relative to the source
 * @returns how many were new, and how many had changed
 * @throws PermanentError where one is not below the source, is no regular file or is not there
 */
export async function registerFiles(
  catalogue: Catalogue,
  source: string,
  paths: Buffer[],
  options: { quietSeconds: number; now: number },
): Promise<{ fresh: number; changed: number }> {
  const location = await sourceOf(catalogue, source);
  const entries: FoundEntry[] = [];
  for (const path of paths) entries.push(await entryAt(location, path, options));
  const { fresh, changed } = await catalogue.registerEntries(location.id, entries, options.quietSeconds);
  return { fresh, changed };
}

async function entryAt(
  { path: root = '' }: Location,
  path: Buffer,
  options: { quietSeconds: number; now: number },
): Promise<FoundEntry> {
  const text = encodePath(path);
  const shown = printable(text);
  const parts = text.split('/');
  insideDirectory(root, text);
  if (parts.length < 2 || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new PermanentError(`${shown} is no path of a file in a folder of the source`, { subject: shown });
  const absolute = Buffer.concat([Buffer.from(`${root}/`), path]);
  let stat;
  try {
    stat = await lstat(absolute, { bigint: true });
  } catch (error) {
    throw classifyDiskError(error, { subject: shown });
  }
  if (!stat.isFile()) throw new PermanentError(`${shown} is no regular file`, { subject: shown });
  return {
    path: text,
    executedObsUnit: parts[0] ?? '',
    instrumentModule: (await readInstrumentModule(absolute)) ?? UNASSIGNED,
    kind: 'file',
    size: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    quiet: options.now - Number(stat.mtimeMs) >= options.quietSeconds * 1000,
  };
}

async function keyOf(catalogue: Catalogue, told: ExecutionName): Promise<ExecutionKey> {
  const { uuid, source, folder } = told;
  if ((source === undefined) !== (folder === undefined))
    throw new ConfigurationError('a source and a folder there are told together, or neither', {
      subject: folder ?? source,
    });
  if (uuid === undefined && folder === undefined)
    throw new ConfigurationError('no execution is named', {
      advice: 'give its UUID, or its source and its folder there',
    });
  return {
    uuid: uuid === undefined ? undefined : uuidOf(uuid),
    sourceLocationId: source === undefined ? undefined : (await sourceOf(catalogue, source)).id,
    name: folder === undefined ? undefined : folderName(folder),
  };
}

async function sourceOf(catalogue: Catalogue, text: string): Promise<Location> {
  const [site = '', name = '', more] = text.split('.');
  if (more !== undefined || name === '')
    throw new ConfigurationError(`${printable(text)} is no source: write it as site.location`, {
      subject: printable(text),
    });
  const found = await catalogue.location(site, name);
  if (found.locationType === 'source') return found;
  throw new ConfigurationError(`${text} is no source but a ${found.locationType}`, { subject: text });
}

function folderName(folder: string): string {
  const bytes = decodePath(folder);
  const plain = !/[/\0]/.test(folder) && folder !== '.' && folder !== '..' && folder !== '';
  if (plain && bytes.length <= 255 && !bytes.includes(0) && !bytes.includes(0x2f)) return encodePath(bytes);
  const shown = printable(folder);
  throw new PermanentError(`"${shown}" can not be the name of a folder`, { subject: shown });
}

function uuidOf(text: string): string {
  if (UUID.test(text)) return text.toLowerCase();
  throw new ConfigurationError(`${printable(text)} is no UUID`, { subject: printable(text) });
}

function timeOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (/(Z|[+-]\d{2}:?\d{2})$/i.test(text) && !Number.isNaN(Date.parse(text)))
    return new Date(text).toISOString();
  throw new ConfigurationError(`${printable(text)} is no time`, {
    subject: printable(text),
    advice: 'write it as 2026-11-24T20:15:00Z',
  });
}
