import type { DataSource } from 'typeorm';
import type { PackageResult } from '../package/package-result.js';
import type { PathText } from '../utilities/path-text.js';
import { AuditLog } from './audit-log.js';
import * as archive from './catalogue/archive.js';
import * as bundling from './catalogue/bundling.js';
import * as copies from './catalogue/copies.js';
import * as figures from './catalogue/figures.js';
import * as files from './catalogue/files.js';
import * as packages from './catalogue/packages.js';
import * as planning from './catalogue/package-planning.js';
import * as packaging from './catalogue/packaging.js';
import * as rerouting from './catalogue/rerouting.js';
import * as problems from './catalogue/problems.js';
import * as tallies from './catalogue/tallies.js';
import * as sweeps from './catalogue/sweeps.js';
import * as topology from './catalogue/topology.js';
import * as removal from './catalogue/topology-removal.js';
import * as transfers from './catalogue/transfers.js';
import { DeletionCatalogue } from './deletion-catalogue.js';
import { ExplainCatalogue } from './explain-catalogue.js';
import { FixityCatalogue } from './fixity-catalogue.js';
import { LeftOversCatalogue } from './left-overs-catalogue.js';
import { LivenessCatalogue } from './liveness-catalogue.js';
import { SettingsCatalogue } from './settings-catalogue.js';
import { LocationMarksCatalogue } from './location-marks-catalogue.js';
import { NotificationCatalogue } from './notification-catalogue.js';
import { StagingCatalogue } from './staging-catalogue.js';
import { Observations } from './observations.js';
import type {
  ArchiveOrder,
  ArchivedPackageSummary,
  DataTransferPlan,
  FoundEntry,
  Location,
  NewProblem,
  PackageOrder,
  PackageReference,
  PackageSummary,
  PhysicalCopy,
  PlannedPackage,
  Problem,
  Route,
  SourceFile,
  SourceProgress,
  StoredCopy,
  Topology,
  TransferOrder,
} from './records.js';
import { StoresCatalogue } from './stores-catalogue.js';
import { TransferLogCatalogue } from './transfer-log-catalogue.js';
import { Transactions } from './transactions.js';

/**
 * What is so: the only code that reads and writes the catalogue's tables.
 *
 * Every method is one transaction, and safe to run twice and twice at once: a second run finds the first one's rows. An audit
 * entry is written in the transaction of the change. Thrown are classes of `exceptions.ts` only: {@link DatabaseError} and
 * {@link DatabaseOperationError} where trying again can help, {@link ConfigurationError} for wrong settings, and {@link PermanentError} (unknown
 * ids among them), {@link PackageError} or {@link DataCorruptionError} where the facts contradict each other.
 */
export class Catalogue {
  /** For those who ask why something stands where it stands. */
  readonly explain: ExplainCatalogue;
  /** What was done, and the chain that proves it. */
  readonly auditLog: AuditLog;
  /** Values that operators gave to settings. */
  readonly settings: SettingsCatalogue;
  /** What people are told of. */
  readonly notifications: NotificationCatalogue;
  /** What may go, what is scheduled, held and challenged, and what was begun. */
  readonly deletions: DeletionCatalogue;
  /** Whether archived copies are still what they were. */
  readonly fixity: FixityCatalogue;
  /** What each store was found to do. */
  readonly stores: StoresCatalogue;
  /** What was asked to be brought back for processing. */
  readonly staging: StagingCatalogue;
  /** What instruments tell of executions. */
  readonly observations: Observations;
  /** How full disks are, which routes and stores are left alone, why planners wait. */
  readonly liveness: LivenessCatalogue;
  /** Which disks carry the marker of their location. */
  readonly marks: LocationMarksCatalogue;
  /** Packages that lie in buffers where nobody recorded them. */
  readonly leftOvers: LeftOversCatalogue;
  /** How each attempt of a transfer ended, and where its log lies. */
  readonly transferLogs: TransferLogCatalogue;
  private readonly transactions: Transactions;

  constructor(dataSource: DataSource) {
    this.transactions = new Transactions(dataSource);
    this.auditLog = new AuditLog(this.transactions);
    this.notifications = new NotificationCatalogue(this.transactions);
    this.deletions = new DeletionCatalogue(this.transactions);
    this.observations = new Observations(this.transactions);
    this.explain = new ExplainCatalogue(this.transactions);
    this.settings = new SettingsCatalogue(this.transactions);
    this.fixity = new FixityCatalogue(this.transactions);
    this.stores = new StoresCatalogue(this.transactions);
    this.marks = new LocationMarksCatalogue(this.transactions);
    this.leftOvers = new LeftOversCatalogue(this.transactions);
    this.staging = new StagingCatalogue(this.transactions);
    this.transferLogs = new TransferLogCatalogue(this.transactions);
    this.liveness = new LivenessCatalogue(this.transactions);
  }

  // --- topology ----------------------------------------------------------------------------------------------------

  /** Makes the sites, locations and routes be as described; matches by name and removes nothing. */
  ensureTopology(described: Topology): Promise<void> {
    return this.transactions.write((manager) => topology.ensureTopology(manager, described));
  }

  /**
   * As {@link ensureTopology}, and removes what is not described.
   *
   * @returns what was removed
   * @throws ConfigurationError that names all that has to stay, because it holds copies or has a history; nothing is changed then
   */
  replaceTopology(described: Topology): Promise<removal.Removal[]> {
    return this.transactions.write(async (manager) => {
      await topology.ensureTopology(manager, described);
      return removal.removeUnnamed(manager, described);
    });
  }

  /** What {@link replaceTopology} would remove, and what keeps it. */
  removals(described: Topology): Promise<removal.Removal[]> {
    return this.transactions.read((manager) => removal.removals(manager, described));
  }

  /** Everything that {@link ensureTopology} takes, as it is now. */
  topology(): Promise<Topology> {
    return this.transactions.read((manager) => topology.wholeTopology(manager));
  }

  /** All locations, or those of one site; inactive ones too. */
  locations(site?: string): Promise<Location[]> {
    return this.transactions.read((manager) => topology.locations(manager, site));
  }

  /** @throws ConfigurationError if the catalogue has no such location */
  location(site: string, name: string): Promise<Location> {
    return this.transactions.read((manager) => topology.location(manager, site, name));
  }

  /** @throws ConfigurationError if the catalogue has no such location */
  locationById(id: string): Promise<Location> {
    return this.transactions.read((manager) => topology.locationById(manager, id));
  }

  routes(): Promise<Route[]> {
    return this.transactions.read((manager) => topology.routes(manager));
  }

  // --- files and packages at the source ----------------------------------------------------------------------------

  /**
   * Registers what a scan found, in batches of up to a few thousand.
   *
   * A new path becomes `registered`; one that is known with the same size and mtime is not written; one that changed is taken up
   * anew: in place before it was packaged, as a new version afterwards.
   *
   * @param quietSeconds a file also counts as quiet once its stat was seen unchanged for this long
   * @returns how many entries were new, how many changed, and how many of the batch wait unpackaged because they are not quiet
   */
  registerEntries(
    sourceLocationId: string,
    entries: FoundEntry[],
    quietSeconds: number,
  ): Promise<{ fresh: number; changed: number; unquiet: number }> {
    return this.transactions.write((manager) =>
      files.registerEntries(manager, sourceLocationId, entries, quietSeconds),
    );
  }

  /**
   * Groups a source's quiet, unpackaged files into packages of state `creating`, and returns those with the ones that were
   * planned earlier and are not made yet, oldest first, `limit` at most; `fresh` tells the new ones.
   *
   * @param plan.waitSeconds how long the quiet files of an observation wait for its files that are still being written
   * @param plan.executionQuietSeconds how long an observation that was begun and not finished must write nothing new to be packaged
   */
  planRawDataPackages(plan: planning.PackagingPlan): Promise<PlannedPackage[]> {
    return this.transactions.write((manager) => planning.planRawDataPackages(manager, plan));
  }

  /** What packaging must read: the entries of a package in the byte order of their path texts. */
  packageOrder(packageId: string): Promise<PackageOrder> {
    return this.transactions.read((manager) => packages.packageOrder(manager, packageId));
  }

  packageSummary(packageId: string): Promise<PackageSummary> {
    return this.transactions.read((manager) => packages.packageSummary(manager, packageId));
  }

  /** All packages made from a source, oldest first, each with its first verified archive copy; read page by page. */
  packagesOfSource(sourceLocationId: string): Promise<ArchivedPackageSummary[]> {
    return this.transactions.read((manager) => packages.packagesOfSource(manager, sourceLocationId));
  }

  /**
   * The latest packages of all sources, the latest first, each with its first verified archive copy.
   *
   * @throws PermanentError if there is no package `before`
   */
  latestPackages(which: packages.LatestPackages): Promise<ArchivedPackageSummary[]> {
    return this.transactions.read((manager) => packages.latestPackages(manager, which));
  }

  /** Names of a source's packages that are neither archived nor given up, oldest first. */
  packagesUnderWay(sourceLocationId: string): Promise<string[]> {
    return this.transactions.read((manager) => packages.packagesUnderWay(manager, sourceLocationId));
  }

  /**
   * Records what packaging left: digests, the copy in the buffer, and what was refused, which leaves the package. The package is
   * `waiting` then, or `failed` when nothing is in it.
   *
   * @throws PackageError if the result does not speak of exactly the package's entries
   * @throws DataCorruptionError if another result was recorded before
   */
  recordPackageCreated(packageId: string, result: PackageResult, bufferLocationId?: string): Promise<void> {
    return this.transactions.write((manager) =>
      packaging.recordPackageCreated(manager, packageId, result, bufferLocationId),
    );
  }

  /** Gives a package up. The files of one that was never made become `refused`, and are taken up again when they change. */
  failPackage(packageId: string, reason: string): Promise<void> {
    return this.transactions.write((manager) => packaging.failPackage(manager, packageId, reason));
  }

  /** How far everything from one source is. */
  sourceProgress(sourceLocationId: string): Promise<SourceProgress> {
    return this.transactions.read((manager) => packages.sourceProgress(manager, sourceLocationId));
  }

  // --- journeys ----------------------------------------------------------------------------------------------------

  /**
   * Bundles what is to go on from a buffer: packages made there, towards one archive's site; packages that came there, towards the
   * sites that lack them. Returns every data transfer from there that has not begun, and some of those under way, so that a
   * planner that died in between loses none.
   *
   * @throws ConfigurationError if packages wait and no active route leads away
   */
  planDataTransfers(plan: bundling.BundlingPlan): Promise<DataTransferPlan[]> {
    return this.transactions.write((manager) => bundling.planDataTransfers(manager, plan));
  }

  /** What moving a bundle needs. Taking the order is what begins the transfer: a pending one is `in_progress` then. */
  transferOrder(dataTransferId: string): Promise<TransferOrder> {
    return this.transactions.write((manager) => transfers.transferOrder(manager, dataTransferId));
  }

  /**
   * Hands what is left of a transfer over to a new one, over another route or into another buffer, where there is one that is open;
   * undefined where there is none, and nothing is changed then.
   */
  rerouteTransfer(
    dataTransferId: string,
    reason: string,
    plan: Pick<bundling.BundlingPlan, 'disks'>,
  ): Promise<DataTransferPlan | undefined> {
    return this.transactions.write((manager) =>
      rerouting.rerouteTransfer(manager, dataTransferId, reason, plan),
    );
  }

  /**
   * Records which packages of a bundle were read back at the destination and which are given up. The transfer is
   * over when all of its packages are recorded.
   *
   * @throws DataCorruptionError if what arrived is not what was packaged
   */
  recordArrival(
    dataTransferId: string,
    arrived: { packageId: string; bytes: number; sha256: string }[],
    failed: { packageId: string; reason: string }[],
    sent?: { bytes: number; seconds: number },
  ): Promise<void> {
    return this.transactions.write((manager) =>
      transfers.recordArrival(manager, dataTransferId, arrived, failed, sent),
    );
  }

  /**
   * Ends a data transfer by an operator's word. `left`: what did not arrive is sent again later; `failed`: it is given up.
   */
  closeTransfer(dataTransferId: string, as: 'left' | 'failed', reason: string): Promise<void> {
    return this.transactions.write((manager) => transfers.closeTransfer(manager, dataTransferId, as, reason));
  }

  /** Packages that lie verified in a buffer of the archive's site and are not in the archive yet; at most 200. */
  noteArchivingStarted(packageIds: string[], archiveLocationId: string): Promise<void> {
    return this.transactions.read((manager) =>
      archive.noteArchivingStarted(manager, packageIds, archiveLocationId),
    );
  }

  planArchiveTransfers(archiveLocationId: string): Promise<PackageReference[]> {
    return this.transactions.read((manager) => sweeps.planArchiveTransfers(manager, archiveLocationId));
  }

  /** The copy of a package in an archive, where it was read back there and is in no doubt since. */
  archivedCopy(packageId: string, archiveLocationId: string): Promise<StoredCopy | undefined> {
    return this.transactions.read((manager) => archive.archivedCopy(manager, packageId, archiveLocationId));
  }

  /**
   * What archiving a package needs, and what its sidecar tells. Taking the order begins the transfer into the archive.
   *
   * @throws PermanentError if no copy of the package lies in a buffer of the archive's site
   */
  archiveOrder(packageId: string, archiveLocationId: string): Promise<ArchiveOrder> {
    return this.transactions.write((manager) => archive.archiveOrder(manager, packageId, archiveLocationId));
  }

  /**
   * Records that the archive gave a package back as it was.
   *
   * @throws DataCorruptionError if what is stored is not what was packaged
   */
  recordArchived(packageId: string, archiveLocationId: string, stored: StoredCopy): Promise<void> {
    return this.transactions.write((manager) =>
      archive.recordArchived(manager, packageId, archiveLocationId, stored),
    );
  }

  // --- copies and their deletion -----------------------------------------------------------------------------------

  copiesOfPackage(packageId: string): Promise<PhysicalCopy[]> {
    return this.transactions.read((manager) => copies.copiesOfPackage(manager, packageId));
  }

  /**
   * Records that a copy was read back in full and matched.
   *
   * @param at ISO 8601
   */
  recordVerified(copyId: string, at: string): Promise<void> {
    return this.transactions.write((manager) => copies.recordVerified(manager, copyId, at));
  }

  /** A package's entries that are still at a deletable source, in the order of their paths; none if the source is not deletable. */
  sourceFilesToDelete(packageId: string): Promise<SourceFile[]> {
    return this.transactions.read((manager) => copies.sourceFilesToDelete(manager, packageId));
  }

  /** Records which entries are gone from the source, and which were kept and why: those are not planned for again. */
  recordSourceFilesDeleted(
    packageId: string,
    paths: PathText[],
    kept: { path: PathText; reason: string }[],
  ): Promise<void> {
    return this.transactions.write((manager) =>
      copies.recordSourceFilesDeleted(manager, packageId, paths, kept),
    );
  }

  // --- problems ----------------------------------------------------------------------------------------------------

  /** Tells of something a person should know; the same thing told again counts up. */
  reportProblem(problem: NewProblem): Promise<void> {
    return this.transactions.write((manager) => problems.reportProblem(manager, problem));
  }

  /** Closes the open problems of a workflow, or those about one subject of an operation. */
  resolveProblems(which: { workflowId: string } | { operation: string; subject: string }): Promise<void> {
    return this.transactions.write((manager) => problems.resolveProblems(manager, which));
  }

  /** Open problems, latest first, at most 1000; of one source and of none in particular if a source is given. */
  openProblems(sourceLocationId?: string): Promise<Problem[]> {
    return this.transactions.read((manager) => problems.openProblems(manager, sourceLocationId));
  }

  // --- numbers -----------------------------------------------------------------------------------------------------

  /** Keeps the sums of packages and copies short; to be called now and then. */
  addUpTallies(): Promise<void> {
    return this.transactions.write((manager) => tallies.addUpTallies(manager));
  }

  /** The state of everything in numbers, for metrics. */
  figures(): Promise<figures.Figures> {
    return this.transactions.read((manager) => figures.figures(manager));
  }
}
