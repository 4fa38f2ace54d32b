import type { Catalogue } from '../../../src/core/database/catalogue.js';
import type { Location } from '../../../src/core/database/records.js';
import type { PackageResult } from '../../../src/core/package/package-result.js';
import { deletionRules } from '../../../src/core/deletion-rules.js';
import { SettingsManager } from '../../../src/core/settings-manager.js';
import { stagingLimits } from '../../../src/core/staging/staging-settings.js';
import type { PlacesOfYears } from './places.js';

const DIGEST = 'c'.repeat(64);
const QUIET_SECONDS = 60;

/** Takes two new files all the way, as the activities do: registered, packaged, sent twice, archived twice, deleted, staged and given back. */
export async function journey(catalogue: Catalogue, at: PlacesOfYears): Promise<void> {
  const unit = `obs-journey-${Date.now()}`;
  const stat = { kind: 'file' as const, size: 100, mtimeNs: '1', ctimeNs: '1' };
  const common = { executedObsUnit: unit, instrumentModule: 'CHAI', quiet: true, ...stat };
  await catalogue.observations.start({ sourceLocationId: at.source.id, name: unit });
  const entries = ['one', 'two'].map((file) => ({ ...common, path: `${unit}/${file}` }));
  await catalogue.registerEntries(at.source.id, entries, QUIET_SECONDS);
  await catalogue.registerEntries(at.source.id, entries, QUIET_SECONDS);
  await catalogue.observations.finish({ sourceLocationId: at.source.id, name: unit, outcome: 'completed' });

  const planned = await catalogue.planRawDataPackages({
    sourceLocationId: at.source.id,
    bufferLocationId: at.buffer.id,
    maxBytes: 1e12,
    maxFiles: 1000,
    executionQuietSeconds: 0,
    waitSeconds: 0,
    limit: 1000,
  });
  const { id, name } = planned.find((one) => one.executedObsUnit === unit)!;
  const order = await catalogue.packageOrder(id);
  const result: PackageResult = {
    version: 1,
    name: `${name}.tar`,
    bytes: 10_240,
    sha256: DIGEST,
    fileCount: 2,
    payloadBytes: 200,
    members: order.entries.map((one) => ({ ...one, sha256: DIGEST })),
    refused: [],
    createdAt: new Date().toISOString(),
  };
  await catalogue.recordPackageCreated(id, result, at.buffer.id);
  // Which of the two sites gets it first is the planner's choice.
  const here = await send(catalogue, at.buffer.id, id);
  await archive(catalogue, archiveAt(at, here), id, name);
  await archive(catalogue, archiveAt(at, await send(catalogue, here.id, id)), id, name);
  await stage(catalogue, at, id, name);
  await free(catalogue, at, id);
}

/** Two archives must have it, and it goes as soon as they do. */
export function settingsOf(catalogue: Catalogue): SettingsManager {
  return new SettingsManager(catalogue.settings, {
    'deletion.required_copies': 2,
    'deletion.grace_hours': 0,
    'deletion.budget_share': 1,
  });
}

function archiveAt(at: PlacesOfYears, { site }: Location): string {
  return site === at.archive.site ? at.archive.id : at.secondArchive.id;
}

/** Sends a package on from a buffer; answers with the one that it came to. */
async function send(catalogue: Catalogue, bufferLocationId: string, packageId: string): Promise<Location> {
  const plan = { bufferLocationId, maxPackages: 20, maxBytes: 1e12 };
  for (const { id } of await catalogue.planDataTransfers(plan)) {
    const { packages, destination } = await catalogue.transferOrder(id);
    if (!packages.some((one) => one.id === packageId && one.pending)) continue;
    const arrived = packages
      .filter(({ pending }) => pending)
      .map((one) => ({ packageId: one.id, bytes: one.bytes, sha256: one.sha256 }));
    await catalogue.recordArrival(id, arrived, [], { bytes: 1000, seconds: 1 });
    await catalogue.transferLogs.record(attempt({ dataTransferId: id }));
    return destination;
  }
  throw new Error(`${packageId} was not sent`);
}

async function archive(
  catalogue: Catalogue,
  archiveLocationId: string,
  packageId: string,
  name: string,
): Promise<void> {
  await catalogue.noteArchivingStarted([packageId], archiveLocationId);
  const { archive: location } = await catalogue.archiveOrder(packageId, archiveLocationId);
  await catalogue.recordArchived(packageId, archiveLocationId, {
    key: `raw/${name}.tar`,
    bytes: 10_240,
    sha256: DIGEST,
    verifiedAt: new Date().toISOString(),
    ranges: [{ offset: 0, bytes: 100, sha256: DIGEST }],
  });
  const place = { site: location.site, location: location.name };
  await catalogue.transferLogs.record(attempt({ packageId, archive: place }));
}

/** Freed at its source and in the buffer there, with what must be true for it. */
async function free(catalogue: Catalogue, at: PlacesOfYears, packageId: string): Promise<void> {
  const rules = await deletionRules(settingsOf(catalogue), await catalogue.locations());
  await catalogue.deletions.hold(packageId, 'not yet', 'ann');
  await catalogue.deletions.release(packageId, 'ann');
  await catalogue.deletions.schedule(packageId, rules);
  const copies = await catalogue.copiesOfPackage(packageId);
  for (const copy of copies.filter((one) => one.location.locationType === 'long_term_archive')) {
    await catalogue.recordVerified(copy.id, new Date().toISOString());
    const ranges = await catalogue.deletions.notedRanges(copy.id);
    await catalogue.deletions.recordChallenge({ copyId: copy.id, method: 'full', ranges });
  }
  await catalogue.deletions.schedule(packageId, rules);
  const own = rules[at.buffer.id]!.rules;
  const here = copies.find((one) => one.location.id === at.buffer.id)!;
  for (const targetId of [packageId, here.id]) {
    const answer = await catalogue.deletions.begin({ packageId, targetId, rules: own });
    if (!answer.begun) throw new Error(answer.reasons.map(({ words }) => words).join('; '));
    await catalogue.auditLog.seal();
    await catalogue.deletions.confirm({ packageId, targetId, rules: own });
  }
  await catalogue.deletions.recordCopyDeleted(here.id);
  const gone = await catalogue.sourceFilesToDelete(packageId);
  await catalogue.recordSourceFilesDeleted(
    packageId,
    gone.map(({ path }) => path),
    [],
  );
}

async function stage(
  catalogue: Catalogue,
  at: PlacesOfYears,
  packageId: string,
  name: string,
): Promise<void> {
  const job = { id: crypto.randomUUID(), workflowId: 'staging-job/journey' };
  const request = {
    destination: `${at.processing.site}.${at.processing.name}`,
    requestedBy: 'ann',
    packages: [name],
  };
  const limits = await stagingLimits(settingsOf(catalogue), request.destination);
  await catalogue.staging.create(job, request, await catalogue.staging.resolve(request, limits));
  await catalogue.staging.order(job.id, packageId);
  await catalogue.staging.recordStaged({ jobId: job.id, packageId, archiveLocationId: at.archive.id });
  await catalogue.staging.recordReady(job.id);
  await catalogue.staging.extend(job.id, new Date().toISOString(), 'ann');
  await catalogue.staging.end(job.id, 'released', 'done');
  await catalogue.staging.beginCleaning(at.processing.id, packageId);
  await catalogue.staging.recordCleaned(at.processing.id, packageId, { removed: 2, kept: 0 });
}

function attempt(of: Parameters<Catalogue['transferLogs']['record']>[0]['of']) {
  const at = new Date().toISOString();
  return {
    id: crypto.randomUUID(),
    of,
    site: 'ccat',
    path: `/var/log/${crypto.randomUUID()}.log`,
    bytes: 100,
    sha256: DIGEST,
    attempt: 1,
    startedAt: at,
    endedAt: at,
    outcome: 'completed' as const,
    bytesMoved: 100,
  };
}
