import { readFile } from 'node:fs/promises';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Topology } from '../core/database/records.js';
import { ConfigurationError } from '../core/exceptions.js';
import { parseTopology, topologyChanges, type DocumentFormat } from '../core/topology-document.js';

/** Client calls about sites, locations and routes; each also is a command, `cdt topology`. */

/**
 * Makes sites, locations and routes as described. What is not described stays, or is removed where `prune` asks for it.
 *
 * @param options.dryRun change nothing
 * @returns each change, in words
 * @throws ConfigurationError with `prune` that names all that has to stay, because it holds copies or has a history; nothing is changed then
 */
export async function applyTopology(
  catalogue: Catalogue,
  wanted: Topology,
  options: { dryRun?: boolean; prune?: boolean } = {},
): Promise<string[]> {
  const { dryRun = false, prune = false } = options;
  const changes = topologyChanges(await catalogue.topology(), wanted);
  if (!prune) {
    if (!dryRun) await catalogue.ensureTopology(wanted);
    return changes;
  }
  const removed = dryRun ? await catalogue.removals(wanted) : await catalogue.replaceTopology(wanted);
  return [
    ...changes,
    ...removed.map(({ kind, name, kept }) =>
      kept.length === 0 ? `remove ${kind} ${name}` : `can't remove ${kind} ${name}: ${kept.join(', ')}`,
    ),
  ];
}

/**
 * Takes a location (`site.location`) or a route (by its name) into use or out of use.
 *
 * @throws ConfigurationError where there is none of that name
 */
export async function switchTopology(
  catalogue: Catalogue,
  kind: 'location' | 'route',
  name: string,
  active: boolean,
): Promise<void> {
  const found = await catalogue.topology();
  const locations =
    kind === 'location' ? found.locations.filter((one) => `${one.site}.${one.name}` === name) : [];
  const routes = kind === 'route' ? found.routes.filter((one) => one.name === name) : [];
  if (locations.length + routes.length === 0)
    throw new ConfigurationError(`there is no ${kind} ${name}`, {
      subject: name,
      advice: '`cdt topology show` lists them',
    });
  await catalogue.ensureTopology({
    sites: [],
    locations: locations.map((one) => ({ ...one, active })),
    routes: routes.map((one) => ({ ...one, active })),
  });
}

/**
 * Reads a topology from a file: .yaml, .yml or .toml.
 *
 * @throws ConfigurationError where it can't be read, or that names every wrong place
 */
export async function readTopology(file: string): Promise<Topology> {
  const format = formatOf(file);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(`${file} can't be read: ${(cause as Error).message}`, {
      subject: file,
      cause,
    });
  }
  return parseTopology(text, format, file);
}

function formatOf(file: string): DocumentFormat {
  if (/\.ya?ml$/i.test(file)) return 'yaml';
  if (/\.toml$/i.test(file)) return 'toml';
  throw new ConfigurationError(`${file} is neither .yaml nor .toml`, { subject: file });
}
