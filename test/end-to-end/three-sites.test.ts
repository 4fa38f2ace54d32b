import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatTopology } from '../../src/core/topology-document.js';
import type { Topology } from '../../src/core/database/records.js';
import { withCleanup, type Cleanup } from '../support/cleanup.js';
import { countedLink, type CountedLink } from '../support/link.js';
import { Random, testSeed } from '../support/random.js';
import { archivedKeys } from '../support/read-archive.js';
import { withScratch } from '../support/scratch.js';
import { eventually, Sites, startServers } from '../support/sites.js';
import { startSiteSshd, type SiteSshd } from '../support/site-sshd.js';

const OBSERVATIONS = 50;
const ARCHIVES = ['cologne', 'us'] as const;
const timeout = 20 * 60_000;

interface Laboratory {
  scratch: string;
  sites: Sites;
  stores: Record<(typeof ARCHIVES)[number], { endpoint: string; root: string }>;
  /** What leaves the observatory, by destination. */
  links: Record<(typeof ARCHIVES)[number], CountedLink>;
  topology: Topology;
}

test(
  'three sites, each seeing its own storage only: every package crosses the link once and lies in both archives; sources are freed',
  { timeout },
  (t) =>
    withScratch(t, (scratch) =>
      withCleanup(async (cleanup) => {
        const lab = await threeSites(cleanup, scratch);
        const { sites, links } = lab;
        const source = join(sites.root('ccat'), 'source');
        const original = join(scratch, 'original');
        fill(source, new Random(testSeed((line) => t.diagnostic(line))));
        cpSync(source, original, { recursive: true, preserveTimestamps: true });

        sites.startWorker('ccat');
        sites.startWorker('cologne');
        sites.startWorker('us');
        sites.startWorker('cologne', ['--workflows', '--location', 'lta']);

        await eventually(
          'every package is in both archives and the source is empty',
          () =>
            Promise.resolve({
              archived: ARCHIVES.map((site) => keys(lab, site).length),
              left: filesBelow(source),
            }),
          ({ archived, left }) =>
            left === 0 && archived.every((count) => count === archived[0] && count >= OBSERVATIONS),
          600,
        );

        for (const site of ARCHIVES) assertArchiveIs(lab, site, original);
        assert.deepEqual(
          digests(lab, 'cologne'),
          digests(lab, 'us'),
          'the two archives hold the same objects',
        );

        // What left the observatory is what all packages have together, and the little that ssh adds: nothing went twice.
        const tars = keys(lab, 'us').reduce((sum, key) => sum + sizeOf(lab, 'us', key), 0);
        const sent = links.cologne.sent() + links.us.sent();
        t.diagnostic(
          `packages ${tars} bytes, on the link ${sent} (cologne ${links.cologne.sent()}, us ${links.us.sent()})`,
        );
        assert.ok(
          sent >= tars && sent < tars * 1.1 + OBSERVATIONS * 20_000,
          `${sent} bytes left for packages of ${tars}`,
        );
        for (const site of ARCHIVES)
          assert.ok(links[site].sent() > tars / 10, `${site} was sent something first`);
      }),
    ),
);

async function threeSites(cleanup: Cleanup, scratch: string): Promise<Laboratory> {
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
    CCAT_DATA_TRANSFER_BUNDLE_PACKAGES: '5',
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
    cologne: { endpoint: servers.stores['cologne']!.endpoint, root: servers.stores['cologne']!.root! },
    us: { endpoint: servers.stores['us']!.endpoint, root: servers.stores['us']!.root! },
  };
  const topology = describe(sites, stores, sshd, links);
  const file = join(scratch, 'topology.yaml');
  writeFileSync(file, formatTopology(topology, 'yaml'));
  await sites.cdt('migrate');
  await sites.cdt('topology', 'import', file);
  await sites.cdt('migrate');
  return { scratch, sites, stores, links, topology };
}

function describe(
  sites: Sites,
  stores: Laboratory['stores'],
  sshd: Record<(typeof ARCHIVES)[number], SiteSshd>,
  links: Laboratory['links'],
): Topology {
  const common = { priority: 0, active: true, storageType: 'disk' as const };
  const here = (folder: string) => join(sites.here, folder);
  const archiveSite = (site: (typeof ARCHIVES)[number]): Topology['locations'] => [
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
  const route = (origin: string, destination: (typeof ARCHIVES)[number], port: number) => ({
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
function fill(source: string, random: Random): void {
  for (let number = 1; number <= OBSERVATIONS; number += 1) {
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

function keys({ stores }: Laboratory, site: (typeof ARCHIVES)[number]): string[] {
  return archivedKeys(stores[site].root, `${site}-lta`);
}

function pathOf({ stores }: Laboratory, site: (typeof ARCHIVES)[number], key: string): string {
  return join(stores[site].root, `${site}-lta`, key);
}

function sizeOf(lab: Laboratory, site: (typeof ARCHIVES)[number], key: string): number {
  return Number(execFileSync('stat', ['-c', '%s', pathOf(lab, site, key)], { encoding: 'utf8' }));
}

function digests(lab: Laboratory, site: (typeof ARCHIVES)[number]): string[] {
  const cwd = join(lab.stores[site].root, `${site}-lta`);
  return execFileSync('sha256sum', keys(lab, site), { cwd, encoding: 'utf8' }).split('\n');
}

/** Reads an archive with tar, sha256sum and diff, and compares all of it with what the instrument wrote. */
function assertArchiveIs(lab: Laboratory, site: (typeof ARCHIVES)[number], original: string): void {
  const into = join(lab.scratch, 'read', site);
  const merged = join(into, 'merged');
  mkdirSync(merged, { recursive: true });
  for (const key of keys(lab, site)) {
    execFileSync('tar', ['-xpf', pathOf(lab, site, key), '-C', into]);
    const bag = join(
      into,
      key
        .split('/')
        .at(-1)!
        .replace(/\.tar$/, ''),
    );
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: bag });
    assert.match(readFileSync(join(bag, 'bagit.txt'), 'utf8'), /^BagIt-Version: 1\.0/);
    execFileSync('cp', ['-al', `${bag}/data/.`, merged]);
  }
  execFileSync('diff', ['-r', '--no-dereference', original, merged], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function filesBelow(directory: string): number {
  return execFileSync('find', [directory, '-type', 'f'], { encoding: 'utf8' }).split('\n').length - 1;
}
