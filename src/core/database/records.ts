import type { SourceEntry } from '../package/package-result.js';
import type {
  LocationType,
  PackageState,
  PhysicalCopyState,
  RouteType,
  Status,
  StorageType,
  StreamListenerSide,
  TransportName,
} from '../states.js';
import type { BbcpOptions } from '../utilities/bbcp.js';
import type { PathText } from '../utilities/path-text.js';

/** What the catalogue answers with: plain data, ready to be sent as JSON. Times are ISO 8601, sizes bytes. */

export interface Location {
  id: string;
  site: string;
  name: string;
  locationType: LocationType;
  storageType: StorageType;
  priority: number;
  active: boolean;
  /** Disk: the directory, absolute on the site's hosts. */
  path?: string;
  /** S3: bucket, and endpoint where it is not the one the worker is configured with. */
  bucket?: string;
  endpoint?: string;
  /** Whether copies here may be deleted once archived. Never true for a long-term archive. */
  deletable: boolean;
  /** What fails together: copies in one failure domain count once. The site where absent. */
  failureDomain?: string;
}

/** The topology as one document: what `up` seeds and what files will import. */
export interface Topology {
  sites: { shortName: string; name: string }[];
  locations: Omit<Location, 'id'>[];
  routes: Omit<Route, 'id'>[];
}

export interface Route {
  id: string;
  name: string;
  /** Sites. */
  origin: string;
  destination: string;
  /** `direct`: in one hop. `relay`: over the site `via`. `custom`: only between the locations that it names. */
  routeType: RouteType;
  via?: string;
  originLocation?: string;
  destinationLocation?: string;
  transport: TransportName;
  /** Which of several is used first: the lowest. */
  priority: number;
  /** Switched off, it takes nothing new; what is under way ends. */
  active: boolean;
  /** Transfers at once, and bytes per second of all that one worker process sends over it. */
  maxTransfers?: number;
  maxBytesPerSecond?: number;
  /** Hours of the day (UTC, `HH:MM`) in which it takes new transfers; always where absent. */
  hours?: { from: string; to: string }[];
  /** How the other end is reached: see `docs/example-topology.yaml` for what each transport takes. */
  options: {
    /** The SSH server of the destination; of a stream route the end that listens. */
    host?: string;
    port?: number;
    /** stream: which end accepts connections; the destination where absent. */
    listener?: StreamListenerSide;
    username?: string;
    identityFile?: string;
    knownHostsFile?: string;
    directory?: string;
    bbcp?: BbcpOptions;
  };
}

/** An entry found by a scan, with what it belongs to. */
export interface FoundEntry extends SourceEntry {
  /** Path text of the first-level folder; the source's own name for loose files. */
  executedObsUnit: PathText;
  instrumentModule: string;
  /** True where its mtime is older than the quiet period. */
  quiet: boolean;
}

export interface PackageSummary {
  id: string;
  /** Also the name of the bag's folder; the tar is `<name>.tar`. */
  name: string;
  executedObsUnit: PathText;
  instrumentModule: string;
  part: number;
  state: PackageState;
  /** Regular files and their bytes. */
  fileCount: number;
  payloadBytes: number;
  /** Size and SHA-256 of the tar; absent until it is made. */
  bytes?: number;
  sha256?: string;
  sourceLocation: { id: string; site: string; name: string };
  createdAt: string;
  archivedAt?: string;
  /** Why it failed. */
  reason?: string;
}

/** What packaging needs: read once at its start. */
export interface PackageOrder {
  package: PackageSummary;
  source: Location;
  buffer: Location;
  entries: SourceEntry[];
}

/** What moving a bundle needs. */
export interface TransferOrder {
  id: string;
  status: Status;
  route: Route;
  origin: Location;
  destination: Location;
  packages: {
    id: string;
    name: string;
    /** Not delivered by this transfer yet, and not given up. */
    pending: boolean;
    bytes: number;
    sha256: string;
    fileCount: number;
    payloadBytes: number;
    executedObsUnit: PathText;
  }[];
}

export interface PhysicalCopy {
  id: string;
  packageId: string;
  location: Location;
  state: PhysicalCopyState;
  /** Path below a disk location, or the key in a store. */
  path: string;
  bytes: number;
  sha256: string;
  verifiedAt?: string;
  /** Identity the store gave the object when it was read back. */
  versionId?: string;
  etag?: string;
  deletedAt?: string;
  /** Set while its deletion is scheduled: until then it can be undone. */
  deleteAfter?: string;
  createdAt: string;
  /** Why it is not believed to be whole: it failed a challenge, and was not read back in full since. */
  doubt?: { words: string; since: string };
}

/** Something a person should know: kept until it is resolved. */
export interface Problem {
  id: string;
  /** Class name from `exceptions.ts`. */
  errorClass: string;
  operation: string;
  /** What it is about: a package's name, a path, a location. */
  subject: string;
  message: string;
  advice?: string;
  /** Set where a workflow waits for an operator. */
  workflowId?: string;
  /** Set where it belongs to a source's file or package. */
  sourceLocationId?: string;
  firstAt: string;
  lastAt: string;
  count: number;
  resolvedAt?: string;
}

/** How far everything from one source is; one cheap query. */
export interface SourceProgress {
  /** Registered and refused: entries of all kinds. Packaged and deleted: regular files. */
  files: { registered: number; packaged: number; refused: number; deleted: number };
  /** Bytes of regular files, by the same states. */
  bytes: { registered: number; packaged: number; refused: number; deleted: number };
  /** Packages by state, with files, payload bytes and tar bytes of each. */
  packages: Record<PackageState, { packages: number; files: number; payloadBytes: number; bytes: number }>;
  /**
   * Copies of its packages at deletable locations that are still there although archived; what a package still has at a
   * deletable source counts as one.
   */
  copiesToDelete: number;
}

export type NewProblem = Pick<
  Problem,
  'errorClass' | 'operation' | 'subject' | 'message' | 'advice' | 'workflowId' | 'sourceLocationId'
>;

/** A package as a planner hands it on. */
export interface PackageReference {
  packageId: string;
  name: string;
  observation: PathText;
}

export interface PlannedPackage extends PackageSummary {
  /** True where this call planned it, false where an earlier one did. */
  fresh: boolean;
}

export interface ArchivedPackageSummary extends PackageSummary {
  /** Its first verified archive copy; `location` is `site.name`. */
  archive?: { location: string; bucket: string; key: string; verifiedAt: string };
}

/** A data transfer that is not over, as a planner hands it on. */
export interface DataTransferPlan {
  id: string;
  name: string;
  packageCount: number;
  /** Of the packages' tars. */
  bytes: number;
  observations: PathText[];
  /** Names of the packages. */
  packages: string[];
  origin: { site: string; location: string };
  destination: { site: string; location: string };
}

/** What archiving needs. */
export interface ArchiveOrder {
  package: PackageSummary;
  /** The copy to read, in a buffer of the archive's site. */
  copy: PhysicalCopy;
  archive: Location;
  provenance: Provenance;
}

/** The facts that the sidecar of an archived package tells. */
export interface Provenance {
  site: string;
  sourceLocation: string;
  executedObsUnit: PathText;
  instrumentModule: string;
  part: number;
  fileCount: number;
  payloadBytes: number;
  bytes: number;
  sha256: string;
  createdAt: string;
  arrivedAt?: string;
}

/** A range of an object that was read: offset and length in bytes, SHA-256 in hex. */
export interface ReadRange {
  offset: number;
  bytes: number;
  sha256: string;
}

/** What an archive gave back when it was read. */
export interface StoredCopy {
  key: string;
  bytes: number;
  sha256: string;
  versionId?: string;
  etag?: string;
  /** ISO 8601. */
  verifiedAt: string;
  /** Ranges that were noted while it was read: later challenges are compared with them. */
  ranges?: ReadRange[];
}

/** An entry at a source that may be freed. */
export interface SourceFile extends SourceEntry {
  /** Hex; files only. */
  sha256?: string;
}
