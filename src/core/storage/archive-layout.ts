import type { PackageSummary } from '../database/records.js';
import { PermanentError } from '../exceptions.js';
import type { PathText } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';

/** What S3 takes. All characters of a key are ASCII here. */
const MAX_KEY_BYTES = 1024;

/** Where things lie in an archive, and what lies beside them. Keys are made of safe characters only and never change. */

/** The key of a package: `{instrument module}/{year}/{month}/{package}.tar`, by the day the package was planned (UTC). */
export function getS3KeyForPackage(
  summary: Pick<PackageSummary, 'name' | 'instrumentModule' | 'createdAt'>,
): string {
  const [year, month] = summary.createdAt.split('-');
  const module = summary.instrumentModule.replace(/[^A-Za-z0-9_-]+/g, '-');
  return `${module}/${year}/${month}/${summary.name}.tar`;
}

/**
 * The key of a file that lies beside its package: the package's key without `.tar`, then the file's path in it, each name percent-encoded.
 *
 * @throws PermanentError for a path that makes a key longer than 1024 bytes
 */
export function getS3KeyForFile(packageKey: string, path: PathText): string {
  const key = `${packageKey.replace(/\.tar$/, '')}/${path.split('/').map(encodeURIComponent).join('/')}`;
  if (key.length <= MAX_KEY_BYTES) return key;
  throw new PermanentError(`the key of ${printable(path)} is longer than ${MAX_KEY_BYTES} bytes`, {
    subject: printable(path),
    advice: 'Keep this file in its package.',
  });
}

/** The key of the sidecar document that describes a package. */
export function getS3KeyForSidecar(packageKey: string): string {
  return `${packageKey}.json`;
}

/** The package that an object belongs to, by its key: what a sidecar lies beside, else the object itself. */
export function getPackageKeyOf(key: string): string {
  return key.endsWith('.tar.json') ? key.slice(0, -'.json'.length) : key;
}

/** What the sidecar is made of. */
export interface SidecarFacts {
  package: PackageSummary;
  sha256: string;
  bytes: number;
  provenance: { site: string; createdAt: string; arrivedAt?: string };
  /** The observatory, as ObsCore's `facility_name`. */
  facility: string;
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
      facility_name: facts.facility,
      instrument_name: summary.instrumentModule,
      access_format: 'application/x-tar',
      access_estsize: Math.ceil(facts.bytes / 1000),
    },
  };
}
