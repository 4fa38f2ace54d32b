import type { PackageSummary } from '../database/records.js';

/** Where things lie in an archive, and what lies beside them. Keys are made of safe characters only and never change. */

/** The key of a package: `{instrument module}/{year}/{month}/{package}.tar`, by the day the package was planned (UTC). */
export function getS3KeyForPackage(
  summary: Pick<PackageSummary, 'name' | 'instrumentModule' | 'createdAt'>,
): string {
  const [year, month] = summary.createdAt.split('-');
  const module = summary.instrumentModule.replace(/[^A-Za-z0-9_-]+/g, '-');
  return `${module}/${year}/${month}/${summary.name}.tar`;
}

/** The key of the sidecar document that describes a package. */
export function getS3KeyForSidecar(packageKey: string): string {
  return `${packageKey}.json`;
}

/** What the sidecar is made of. */
export interface SidecarFacts {
  package: PackageSummary;
  sha256: string;
  bytes: number;
  provenance: { site: string; createdAt: string; arrivedAt?: string };
}

/**
 * The JSON document beside an archived package: enough to know, without this system, what the object is, whether it is
 * whole, and where it came from. The names under `obscore` are those of IVOA ObsCore 1.1 (sections 3 and 4).
 */
export function sidecarDocument(key: string, facts: SidecarFacts): Record<string, unknown> {
  const { package: summary } = facts;
  return {
    schema: 'ccat-data-transfer/raw-data-package/1',
    key,
    package: {
      id: summary.id,
      name: summary.name,
      executedObsUnit: summary.executedObsUnit,
      instrumentModule: summary.instrumentModule,
      part: summary.part,
      format: 'BagIt 1.0 (RFC 8493) in a POSIX tar; check with: sha256sum -c manifest-sha256.txt',
      bytes: facts.bytes,
      sha256: facts.sha256,
      files: summary.fileCount,
      payloadBytes: summary.payloadBytes,
    },
    provenance: {
      ...facts.provenance,
      source: `${summary.sourceLocation.site}.${summary.sourceLocation.name}`,
    },
    obscore: {
      dataproduct_type: null,
      calib_level: 0,
      obs_collection: summary.instrumentModule,
      obs_id: summary.executedObsUnit,
      facility_name: 'FYST',
      instrument_name: summary.instrumentModule,
      access_format: 'application/x-tar',
      access_estsize: Math.ceil(facts.bytes / 1000),
    },
  };
}
