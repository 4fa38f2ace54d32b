import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { Location, Topology } from '../../../src/core/database/records.js';

/** An observatory that has run for years: one source, two sites with archives, and a place where files are processed. */
export function topologyOfYears(): Topology {
  const common = { priority: 0, active: true };
  const disk = (site: string, name: string, locationType: Location['locationType']) => ({
    ...common,
    site,
    name,
    locationType,
    storageType: 'disk' as const,
    path: `/data/${site}/${name}`,
    deletable: true,
  });
  const archive = (site: string) => ({
    ...common,
    site,
    name: 'lta',
    locationType: 'long_term_archive' as const,
    storageType: 's3' as const,
    bucket: `${site}-lta`,
    deletable: false,
  });
  const route = (origin: string, destination: string) => ({
    ...common,
    name: `${origin}-${destination}`,
    origin,
    destination,
    routeType: 'direct' as const,
    transport: 'local' as const,
    options: {},
  });
  return {
    sites: ['ccat', 'cologne', 'us'].map((site) => ({ shortName: site, name: site })),
    locations: [
      disk('ccat', 'source', 'source'),
      disk('ccat', 'buffer', 'buffer'),
      disk('cologne', 'buffer', 'buffer'),
      disk('us', 'buffer', 'buffer'),
      disk('cologne', 'processing', 'processing'),
      archive('cologne'),
      archive('us'),
    ],
    routes: [route('ccat', 'cologne'), route('ccat', 'us'), route('cologne', 'us'), route('us', 'cologne')],
  };
}

/** The places of {@link topologyOfYears}. Everything is sent from `buffer` to `arrival` first, and from there to `further`. */
export interface PlacesOfYears {
  source: Location;
  buffer: Location;
  arrival: Location;
  further: Location;
  processing: Location;
  archive: Location;
  secondArchive: Location;
}

export async function placesOfYears(catalogue: Catalogue): Promise<PlacesOfYears> {
  const at = (site: string, name: string) => catalogue.location(site, name);
  return {
    source: await at('ccat', 'source'),
    buffer: await at('ccat', 'buffer'),
    arrival: await at('cologne', 'buffer'),
    further: await at('us', 'buffer'),
    processing: await at('cologne', 'processing'),
    archive: await at('cologne', 'lta'),
    secondArchive: await at('us', 'lta'),
  };
}
