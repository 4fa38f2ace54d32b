import { parse as parseToml, stringify as stringifyToml } from 'smol-toml';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import { z } from 'zod';
import type { Location, Route, Topology } from './database/records.js';
import { ConfigurationError, type JsonValue } from './exceptions.js';
import { isSlug } from './queue-discovery.js';
import { optionProblems } from './route-options.js';
import { LOCATION_TYPES, ROUTE_TYPES, STORAGE_TYPES, STREAM_LISTENERS, TRANSPORTS } from './states.js';
import type { BbcpOptions } from './utilities/bbcp.js';
import { canonicalJson } from './utilities/canonical-json.js';

/** The topology as people write it: a YAML or TOML document. What it leaves out has the defaults below. */

const slug = z.string().refine(isSlug, 'use a-z, 0-9, _ and -, at most 48 characters');
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'write a time of day as HH:MM');

const location = z.strictObject({
  type: z.enum(LOCATION_TYPES),
  storage: z.enum(STORAGE_TYPES).default('disk'),
  priority: z.int().default(0),
  active: z.boolean().default(true),
  path: z.string().startsWith('/', 'a path must be absolute').optional(),
  bucket: z.string().min(3).optional(),
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  deletable: z.boolean().optional(),
  failure_domain: z.string().min(1).optional(),
});

const port = z.int().min(1).max(65_535);

const bbcp = z.strictObject({
  program: z.string().startsWith('/').optional(),
  remote_program: z.string().startsWith('/').optional(),
  streams: z.int().min(1).max(64).optional(),
  window_bytes: z
    .int()
    .min(1024)
    .max(1024 ** 3)
    .optional(),
  ports: z
    .strictObject({ first: port, last: port })
    .refine(({ first, last }) => first <= last, 'the first port first')
    .optional(),
  reverse: z.boolean().optional(),
});

const route = z.strictObject({
  from: slug,
  to: slug,
  type: z.enum(ROUTE_TYPES).default('direct'),
  via: slug.optional(),
  from_location: slug.optional(),
  to_location: slug.optional(),
  transport: z.enum(TRANSPORTS),
  priority: z.int().default(0),
  active: z.boolean().default(true),
  max_transfers: z.int().positive().optional(),
  max_bytes_per_second: z.int().positive().optional(),
  hours: z
    .array(z.strictObject({ from: time, to: time }))
    .min(1)
    .optional(),
  host: z.string().min(1).optional(),
  port: port.optional(),
  listener: z.enum(STREAM_LISTENERS).optional(),
  username: z.string().min(1).optional(),
  identity_file: z.string().startsWith('/').optional(),
  known_hosts_file: z.string().startsWith('/').optional(),
  directory: z.string().startsWith('/').optional(),
  bbcp: bbcp.optional(),
});

const schema = z.strictObject({
  sites: z.record(
    slug,
    z.strictObject({ name: z.string().min(1), locations: z.record(slug, location).default({}) }),
  ),
  routes: z.record(slug, route).default({}),
});

type Document = z.infer<typeof schema>;
type LocationDocument = z.input<typeof location>;
type RouteDocument = z.input<typeof route>;

export type DocumentFormat = 'yaml' | 'toml';

/**
 * Reads a topology.
 *
 * @param name told in errors
 * @throws ConfigurationError that names every wrong place of the document and what is expected there
 */
export function parseTopology(text: string, format: DocumentFormat, name: string): Topology {
  const parsed = schema.safeParse(parseText(text, format, name));
  if (!parsed.success) throw wrong(name, parsed.error.issues.map(describeIssue));
  const topology = toTopology(parsed.data);
  const problems = contradictions(topology);
  if (problems.length > 0) throw wrong(name, problems);
  return topology;
}

function parseText(text: string, format: DocumentFormat, name: string): unknown {
  try {
    return format === 'toml' ? parseToml(text) : parseYaml(text);
  } catch (cause) {
    throw new ConfigurationError(
      `${name} is no ${format.toUpperCase()} document: ${(cause as Error).message}`,
      {
        subject: name,
        cause,
      },
    );
  }
}

function wrong(name: string, problems: string[]): ConfigurationError {
  return new ConfigurationError(`${name} does not describe a topology: ${problems.join('; ')}`, {
    subject: name,
    advice: 'correct these places; docs/example-topology.yaml shows every key',
  });
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const where = issue.path.join('.') || 'the document';
  return issue.code === 'unrecognized_keys'
    ? `${where}: there is no key ${issue.keys.join(', ')}`
    : `${where}: ${issue.message}`;
}

/** What each entry alone can't show. */
function contradictions({ sites, locations, routes }: Topology): string[] {
  const known = new Set(sites.map((one) => one.shortName));
  const places = new Set(locations.map((one) => `${one.site}.${one.name}`));
  const problems: string[] = [];
  for (const one of locations) {
    const where = `sites.${one.site}.locations.${one.name}`;
    if (one.storageType === 'disk' && one.path === undefined) problems.push(`${where}: a disk needs a path`);
    if (one.storageType === 'tape')
      problems.push(
        `${where}.storage: tapes are not served; give the disk or the S3 store in front of the library`,
      );
    if (one.storageType === 's3' && one.bucket === undefined)
      problems.push(`${where}: an S3 store needs a bucket`);
    if (one.locationType === 'long_term_archive' && one.deletable)
      problems.push(`${where}.deletable: nothing is deleted in a long-term archive`);
  }
  for (const one of routes) {
    const where = `routes.${one.name}`;
    for (const site of [one.origin, one.destination, ...(one.via === undefined ? [] : [one.via])])
      if (!known.has(site)) problems.push(`${where}: there is no site ${site}`);
    if (one.origin === one.destination) problems.push(`${where}: a route leads to another site`);
    if ((one.routeType === 'relay') !== (one.via !== undefined))
      problems.push(`${where}: a relay, and only a relay, has "via"`);
    if (
      (one.routeType === 'custom') !==
      (one.originLocation !== undefined || one.destinationLocation !== undefined)
    )
      problems.push(`${where}: a custom route, and only such a one, names "from_location" or "to_location"`);
    if (one.originLocation !== undefined && !places.has(`${one.origin}.${one.originLocation}`))
      problems.push(`${where}: there is no location ${one.origin}.${one.originLocation}`);
    if (one.destinationLocation !== undefined && !places.has(`${one.destination}.${one.destinationLocation}`))
      problems.push(`${where}: there is no location ${one.destination}.${one.destinationLocation}`);
    problems.push(...optionProblems(one).map((problem) => `${where}: ${problem}`));
  }
  return problems;
}

function toTopology({ sites, routes }: Document): Topology {
  return {
    sites: Object.entries(sites).map(([shortName, { name }]) => ({ shortName, name })),
    locations: Object.entries(sites).flatMap(([site, { locations }]) =>
      Object.entries(locations).map(([name, { type, storage, deletable, failure_domain, ...rest }]) => ({
        ...rest,
        site,
        name,
        locationType: type,
        storageType: storage,
        // Buffers and processing disks are there to be emptied; a source only where that is said.
        failureDomain: failure_domain,
        deletable: deletable ?? (type === 'buffer' || type === 'processing'),
      })),
    ),
    routes: Object.entries(routes).map(([name, one]) => ({
      name,
      origin: one.from,
      destination: one.to,
      routeType: one.type,
      via: one.via,
      originLocation: one.from_location,
      destinationLocation: one.to_location,
      transport: one.transport,
      priority: one.priority,
      active: one.active,
      maxTransfers: one.max_transfers,
      maxBytesPerSecond: one.max_bytes_per_second,
      hours: one.hours,
      options: compact({
        host: one.host,
        port: one.port,
        listener: one.listener,
        username: one.username,
        identityFile: one.identity_file,
        knownHostsFile: one.known_hosts_file,
        directory: one.directory,
        bbcp: bbcpOptions(one.bbcp),
      }),
    })),
  };
}

/** Writes a topology as a document that {@link parseTopology} reads again. */
export function formatTopology({ sites, locations, routes }: Topology, format: DocumentFormat): string {
  const document = {
    sites: Object.fromEntries(
      sites.map(({ shortName, name }) => [
        shortName,
        {
          name,
          locations: Object.fromEntries(locations.filter((one) => one.site === shortName).map(locationEntry)),
        },
      ]),
    ),
    routes: Object.fromEntries(routes.map(routeEntry)),
  };
  return format === 'toml' ? `${stringifyToml(document)}\n` : stringifyYaml(document);
}

function locationEntry(one: Omit<Location, 'id'>): [string, LocationDocument] {
  const {
    name,
    locationType: type,
    storageType: storage,
    priority,
    active,
    path,
    bucket,
    endpoint,
    deletable,
    failureDomain: failure_domain,
  } = one;
  return [
    name,
    compact({ type, storage, priority, active, path, bucket, endpoint, deletable, failure_domain }),
  ];
}

function routeEntry(one: Omit<Route, 'id'>): [string, RouteDocument] {
  const { options } = one;
  return [
    one.name,
    compact({
      from: one.origin,
      to: one.destination,
      type: one.routeType,
      via: one.via,
      from_location: one.originLocation,
      to_location: one.destinationLocation,
      transport: one.transport,
      priority: one.priority,
      active: one.active,
      max_transfers: one.maxTransfers,
      max_bytes_per_second: one.maxBytesPerSecond,
      hours: one.hours,
      host: options.host,
      port: options.port,
      listener: options.listener,
      username: options.username,
      identity_file: options.identityFile,
      known_hosts_file: options.knownHostsFile,
      directory: options.directory,
      bbcp: options.bbcp && bbcpEntry(options.bbcp),
    }),
  ];
}

function bbcpOptions(written: z.infer<typeof bbcp> | undefined): BbcpOptions | undefined {
  if (written === undefined) return undefined;
  const { remote_program: remoteProgram, window_bytes: windowBytes, ...rest } = written;
  return compact({ ...rest, remoteProgram, windowBytes });
}

function bbcpEntry({ remoteProgram, windowBytes, ...rest }: BbcpOptions): z.input<typeof bbcp> {
  return compact({ ...rest, remote_program: remoteProgram, window_bytes: windowBytes });
}

/** Without the keys that have no value: TOML has none such, and YAML would write null. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}

/** What an import would change, a line each; what the catalogue has and the document does not name stays as it is. */
export function topologyChanges(known: Topology, wanted: Topology): string[] {
  const lines = [
    ...changesOf('site', known.sites, wanted.sites, (one) => one.shortName),
    ...changesOf('location', known.locations, wanted.locations, (one) => `${one.site}.${one.name}`),
    ...changesOf('route', known.routes, wanted.routes, (one) => one.name),
  ];
  return lines;
}

function changesOf<T extends object>(
  kind: string,
  known: T[],
  wanted: T[],
  nameOf: (one: T) => string,
): string[] {
  const before = new Map(known.map((one) => [nameOf(one), one]));
  return wanted.flatMap((one) => {
    const old = before.get(nameOf(one));
    if (old === undefined) return [`add ${kind} ${nameOf(one)}`];
    const keys = [...new Set([...Object.keys(old), ...Object.keys(one)])].filter((key) => key !== 'id');
    const of = (entry: T, key: string) => inWords((entry as Record<string, unknown>)[key]);
    const changed = keys.filter((key) => of(old, key) !== of(one, key));
    const told = changed.map((key) => `${key} ${of(old, key)} -> ${of(one, key)}`);
    return changed.length === 0 ? [] : [`change ${kind} ${nameOf(one)}: ${told.join(', ')}`];
  });
}

function inWords(value: unknown): string {
  // The catalogue has keys in an order of its own.
  return value === undefined ? 'unset' : canonicalJson(value as JsonValue);
}
