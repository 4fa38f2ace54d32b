import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatTopology } from '../../src/core/topology-document.js';
import type { Topology } from '../../src/core/database/records.js';
import type { Cleanup } from './cleanup.js';
import { countedLink, type CountedLink } from './link.js';
import type { Random } from './random.js';
import { archivedKeys } from './read-archive.js';
import { Sites, startServers } from './sites.js';
import { startSiteSshd, type SiteSshd } from './site-sshd.js';

export const ARCHIVES = ['cologne', 'us'] as const;
export type ArchiveSite = (typeof ARCHIVES)[number];

/** An S3 store: its objects as plain files below `root`, and the line that everybody reaches it over. */
export interface Store {
  endpoint: string;
  root: string;
  link: CountedLink;
}

/** An observatory and two archives' sites on one machine, each seeing its own storage only. */
export interface Laboratory {
  scratch: string;
  sites: Sites;
  stores: Record<ArchiveSite, Store>;
  /** What leaves the observatory, by destination. */
  links: Record<ArchiveSite, CountedLink>;
  topology: Topology;
}

/**
 * Starts servers, OpenSSH and counted links, and imports the topology; workers are the test's to start.
 *
 * @param options.first what of the topology is imported, where a test adds the rest itself
 * @param options.environment what workers and commands get besides
 */
export async function threeSites(
  cleanup: Cleanup,
  scratch: string,
  {
    first = (whole) => whole,
    environment = {},
  }: { first?: (whole: Topology) => Topology; environment?: Record<string, string> } = {},
): Promise<Laboratory> {
  const servers = await startServers(cleanup, scratch, [...ARCHIVES]);
  const keysOf = Object.fromEntries(
    ARCHIVES.flatMap((site) => {
      const prefix = `CCAT_DATA_TRANSFER_S3_${site.toUpperCase()}_LTA_`;
      const { accessKeyId, secretAccessKey } = servers.stores[site]!;
      return [
        [`${prefix}ACCESS_KEY_ID`, accessKeyId],
        [`${prefix}SECRET_ACCESS_KEY`, secretAccessKey],
      ];
    }),
  );
  const sites = new Sites(cleanup, scratch, {
    ...servers.environment,
    ...keysOf,
    CCAT_DATA_TRANSFER_QUIET_SECONDS: '1',
    CCAT_DATA_TRANSFER_REQUIRED_COPIES: '2',
    CCAT_DATA_TRANSFER_DELETION_GRACE_HOURS: '0',
    CCAT_DATA_TRANSFER_DELETION_BUDGET_SHARE: '1',
    CCAT_DATA_TRANSFER_BUNDLE_PACKAGES: '5',
    ...environment,
  });
  sites.add('ccat', 'source', 'buffer');
  sites.add('cologne', 'buffer', 'processing');
  sites.add('us', 'buffer', 'processing');
  const sshd = {
    cologne: await startSiteSshd(cleanup, sites, 'cologne'),
    us: await startSiteSshd(cleanup, sites, 'us'),
  };
  const links = {
    cologne: await countedLink(cleanup, sshd.cologne.port),
    us: await countedLink(cleanup, sshd.us.port),
  };
  const stores = {
    cologne: await storeBehindLink(cleanup, servers.stores['cologne']!),
    us: await storeBehindLink(cleanup, servers.stores['us']!),
  };
  const topology = describe(sites, stores, sshd, links);
  await sites.cdt('migrate');
  await importTopology(sites, scratch, first(topology));
  return { scratch, sites, stores, links, topology };
}

/** `cdt topology import`, as an operator does it. */
export async function importTopology(sites: Sites, scratch: string, topology: Topology): Promise<void> {
  const file = join(scratch, 'topology.yaml');
  writeFileSync(file, formatTopology(topology, 'yaml'));
  await sites.cdt('topology', 'import', file);
}

async function storeBehindLink(
  cleanup: Cleanup,
  { endpoint, root }: { endpoint: string; root?: string },
): Promise<Store> {
  const link = await countedLink(cleanup, Number(new URL(endpoint).port));
  return { endpoint: `http://127.0.0.1:${link.port}`, root: root!, link };
}

function describe(
  sites: Sites,
  stores: Laboratory['stores'],
  sshd: Record<ArchiveSite, SiteSshd>,
  links: Laboratory['links'],
): Topology {
  const common = { priority: 0, active: true, storageType: 'disk' as const };
  const here = (folder: string) => join(sites.here, folder);
  const archiveSite = (site: ArchiveSite): Topology['locations'] => [
    { ...common, site, name: 'buffer', locationType: 'buffer', path: here('buffer'), deletable: true },
    {
      ...common,
      site,
      name: 'processing',
      locationType: 'processing',
      path: here('processing'),
      deletable: true,
    },
    {
      ...common,
      site,
      name: 'lta',
      locationType: 'long_term_archive',
      storageType: 's3',
      bucket: `${site}-lta`,
      endpoint: stores[site].endpoint,
      deletable: false,
    },
  ];
  const route = (origin: string, destination: ArchiveSite, port: number) => ({
    name: `${origin}_to_${destination}`,
    origin,
    destination,
    routeType: 'direct' as const,
    transport: 'sftp' as const,
    priority: 0,
    active: true,
    options: sshd[destination].options(port),
  });
  return {
    sites: [
      { shortName: 'ccat', name: 'CCAT' },
      { shortName: 'cologne', name: 'Cologne' },
      { shortName: 'us', name: 'Cornell' },
    ],
    locations: [
      {
        ...common,
        site: 'ccat',
        name: 'source',
        locationType: 'source',
        path: here('source'),
        deletable: true,
      },
      {
        ...common,
        site: 'ccat',
        name: 'buffer',
        locationType: 'buffer',
        path: here('buffer'),
        deletable: true,
      },
      ...archiveSite('cologne'),
      ...archiveSite('us'),
    ],
    routes: [
      route('ccat', 'cologne', links.cologne.port),
      route('ccat', 'us', links.us.port),
      route('cologne', 'us', sshd.us.port),
      route('us', 'cologne', sshd.cologne.port),
    ],
  };
}

/** Observations of a few files each, none like another. */
export function fill(source: string, random: Random, observations: number): void {
  for (let number = 1; number <= observations; number += 1) {
    const folder = join(source, `obs-${String(number).padStart(3, '0')}`, 'raw');
    mkdirSync(folder, { recursive: true });
    for (let file = 0; file < random.integer(2, 6); file += 1) {
      const bytes = execFileSync('head', ['-c', String(random.integer(1, 200_000)), '/dev/urandom'], {
        maxBuffer: 1e6,
      });
      writeFileSync(join(folder, `file ${file}.dat`), bytes);
    }
  }
}

/** The packages that an archive holds. */
export function keys({ stores }: Laboratory, site: ArchiveSite): string[] {
  return archivedKeys(stores[site].root, `${site}-lta`);
}

/** An object of an archive's store, as a plain file. */
export function pathOf({ stores }: Laboratory, site: ArchiveSite, key: string): string {
  return join(stores[site].root, `${site}-lta`, key);
}

/** In bytes. */
export function sizeOf(lab: Laboratory, site: ArchiveSite, key: string): number {
  return Number(execFileSync('stat', ['-c', '%s', pathOf(lab, site, key)], { encoding: 'utf8' }));
}

/** Lines of sha256sum, one for each package. */
export function digests(lab: Laboratory, site: ArchiveSite): string[] {
  const cwd = join(lab.stores[site].root, `${site}-lta`);
  return execFileSync('sha256sum', keys(lab, site), { cwd, encoding: 'utf8' }).split('\n');
}
