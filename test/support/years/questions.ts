import type { Catalogue } from '../../../src/core/database/catalogue.js';
import { deletionRules } from '../../../src/core/deletion-rules.js';
import { diskPolicy } from '../../../src/core/disk-rules.js';
import { stagingLimits } from '../../../src/core/staging/staging-settings.js';
import type { PlacesOfYears } from './places.js';
import { journey, settingsOf } from './journey.js';

/** A planner's run, that was handed nothing yet. */
const RUN = 'run-1';

/**
 * Everything that planners, workers and commands ask of the catalogue and write into it, by what asks. What is asked may be asked again and again;
 * `journey` takes files all the way, once.
 */
export interface Questions {
  /** Of the planners, which look every minute. */
  planners: Record<string, () => Promise<unknown>>;
  /** Of commands, calls, gauges and activities. */
  others: Record<string, () => Promise<unknown>>;
  /** What answers with all there is (some at most 1000), and takes as long as that is. */
  whole: Record<string, () => Promise<unknown>>;
  /** Each step of the way of a few files, from the scan to their deletion. */
  journey: () => Promise<void>;
}

export async function questions(catalogue: Catalogue, at: PlacesOfYears): Promise<Questions> {
  const { source, buffer, arrival, further, processing, archive, secondArchive } = at;
  // What an instrument is still at waits: the same answer each time.
  const limits = { maxBytes: 1e12, maxFiles: 1000, executionQuietSeconds: 1e6, waitSeconds: 0, limit: 100 };
  const disks = await diskPolicy(settingsOf(catalogue), await catalogue.locations());
  const bundles = { maxPackages: 20, maxBytes: 1e12, disks };
  const [packageId = ''] = await catalogue.deletions.candidates('ccat', 1, RUN);
  const { name, executedObsUnit } = await catalogue.packageSummary(packageId);
  const [file] = (await catalogue.packageOrder(packageId)).entries;
  const copies = await catalogue.copiesOfPackage(packageId);
  const archived = copies.find((one) => one.location.id === archive.id)!;
  const {
    transfers: [transfer],
  } = await catalogue.explain.packageJourney(packageId);
  const [job] = await catalogue.staging.jobs({ open: true });
  const staged = (await catalogue.staging.items(job!.id))[0]!;
  const [repair] = await catalogue.fixity.openRepairs(secondArchive.id);
  const { files } = await catalogue.explain.findSubjects('obs-now');
  const settings = settingsOf(catalogue);
  const rules = await deletionRules(settings, await catalogue.locations());
  const epoch = new Date(0).toISOString();
  const now = new Date().toISOString();
  const request = (wanted: object) => ({
    destination: `${processing.site}.${processing.name}`,
    requestedBy: 'ann',
    ...wanted,
  });
  const resolve = async (wanted: object) =>
    catalogue.staging.resolve(request(wanted), await stagingLimits(settings, request({}).destination));

  return {
    planners: {
      packaging: () =>
        catalogue.planRawDataPackages({
          sourceLocationId: source.id,
          bufferLocationId: buffer.id,
          disks,
          ...limits,
        }),
      'bundling at the observatory': () =>
        catalogue.planDataTransfers({ bufferLocationId: buffer.id, ...bundles }),
      'bundling what came': () => catalogue.planDataTransfers({ bufferLocationId: arrival.id, ...bundles }),
      'bundling at the last site': () =>
        catalogue.planDataTransfers({ bufferLocationId: further.id, ...bundles }),
      archiving: () => catalogue.planArchiveTransfers(archive.id),
      'what an archive has of a package': () => catalogue.archivedCopy(packageId, archive.id),
      'deletion, candidates': () => catalogue.deletions.candidates('ccat', 300, RUN),
      'deletion, candidates at an archive': () => catalogue.deletions.candidates('cologne', 300, RUN),
      'where a package can be freed': () => catalogue.deletions.placeToFree(packageId),
      'deletion of packages that were found': () =>
        catalogue.deletions.scheduleFound([packageId], rules, RUN),
      'deletion of one package': () => catalogue.deletions.schedule(packageId, rules),
      'audit, due copies': () =>
        catalogue.fixity.dueCopies(archive.id, {
          before: new Date(Date.now() - 90 * 86_400_000).toISOString(),
          askedBefore: now,
          limit: 50,
        }),
      'audit of everything': () =>
        catalogue.fixity.dueCopies(archive.id, { before: now, askedBefore: now, limit: 50 }),
      'audit, repairs': () => catalogue.fixity.openRepairs(secondArchive.id),
      'staging, what nobody needs': () => catalogue.staging.unneededCopies(processing.id, 100),
      'staging, forgotten jobs': () => catalogue.staging.forgotten(processing.id),
      'disks, as planners judge them': () => catalogue.liveness.disks(disks),
      'the audit log is sealed': () => catalogue.auditLog.seal(),
      'tallies are added up': () => catalogue.addUpTallies(),
      notifications: () => catalogue.notifications.dispatch([], 60),
    },
    others: {
      'the latest packages': () => catalogue.latestPackages({ limit: 20 }),
      'the packages before one': () => catalogue.latestPackages({ limit: 20, before: name }),
      'status of a source': () => catalogue.sourceProgress(source.id),
      gauges: () => catalogue.figures(),
      problems: () => catalogue.openProblems(),
      'problems of a source': () => catalogue.openProblems(source.id),
      locations: () => catalogue.locations(),
      measurements: () => catalogue.liveness.measurements(),
      breakers: () => catalogue.liveness.breakers(),
      'why planners wait': () => catalogue.liveness.waitingVerdicts(),
      'the verdict of a planner': () => catalogue.liveness.verdict('plan/none'),
      'packages that are under way': () => catalogue.packagesUnderWay(source.id),
      'explaining a package': () => catalogue.explain.findSubjects(name),
      'explaining a package by its ID': () => catalogue.explain.findSubjects(packageId),
      'explaining an observation': () => catalogue.explain.findSubjects(executedObsUnit),
      'explaining a file': () => catalogue.explain.findSubjects(file!.path),
      'explaining a file by its whole path': () =>
        catalogue.explain.findSubjects(`${source.path}/${file!.path}`),
      'explaining nothing': () => catalogue.explain.findSubjects('nothing-is-called-so'),
      'the journey of a package': () => catalogue.explain.packageJourney(packageId),
      'why a file waits': () => catalogue.explain.execution(files[0]!.id, 60),
      'whether a place is off': () => catalogue.explain.switchedOff(archive.site, archive.name),
      'a package': () => catalogue.packageSummary(packageId),
      'what packaging reads': () => catalogue.packageOrder(packageId),
      copies: () => catalogue.copiesOfPackage(packageId),
      'files to delete': () => catalogue.sourceFilesToDelete(packageId),
      'observations, the latest': () => catalogue.observations.list({ limit: 50 }),
      'observations of a source': () =>
        catalogue.observations.list({ sourceLocationId: source.id, limit: 50 }),
      'observations that failed': () => catalogue.observations.list({ status: 'failed', limit: 50 }),
      'observations of a source that failed': () =>
        catalogue.observations.list({ sourceLocationId: source.id, status: 'failed', limit: 50 }),
      'an observation by name': () => catalogue.observations.find(executedObsUnit),
      'an observation by ID': () => catalogue.observations.find(packageId),
      'deletion plan of all sites': () => catalogue.deletions.packagesWithTargets({ limit: 200 }),
      'deletion plan, second page': () =>
        catalogue.deletions.packagesWithTargets({ site: 'ccat', after: packageId, limit: 200 }),
      'deletion plan of packages': () => catalogue.deletions.dryRun([packageId], rules),
      'facts of a deletion': () => catalogue.deletions.facts([packageId]),
      'what is due at a source': () => catalogue.deletions.dueAt(packageId, source),
      holds: () => catalogue.deletions.holds(),
      'noted ranges': () => catalogue.deletions.notedRanges(archived.id),
      'challenged ranges': () => catalogue.deletions.challengedRanges(packageId),
      'the clock': () => catalogue.deletions.now(),
      'state of the archives': () => catalogue.fixity.status(),
      damages: () => catalogue.fixity.damages({ open: true }),
      'all damages of an archive': () =>
        catalogue.fixity.damages({ archiveLocationId: secondArchive.id, open: false }),
      'damage among packages that arrived': () =>
        catalogue.fixity.damagedAmong([packageId], [archive.id, secondArchive.id]),
      'objects of an archive that are not known': () =>
        catalogue.fixity.unknownKeys(archive.id, [
          archived.path,
          ...Array.from({ length: 999 }, (_, index) => `chai/2026/11/none-${index}.tar`),
        ]),
      'auditing a copy': () => catalogue.fixity.auditOrder(archived.id),
      'repairing a copy': () => catalogue.fixity.repairOrder(repair!.copyId),
      'repairing a copy from elsewhere': () => catalogue.fixity.repairElsewhere(repair!.copyId),
      'staging an observation': () => resolve({ observations: [executedObsUnit] }),
      'staging a package': () => resolve({ packages: [name] }),
      'staging a file': () => resolve({ files: [file!.path] }),
      'staging files by pattern': () => resolve({ files: [`${executedObsUnit}/**`] }),
      'staging the newest': () => resolve({ newest: 3 }),
      'staging what is not there': () => resolve({ packages: ['obs-none'] }).catch((error: unknown) => error),
      'staging an observation that is not there': () =>
        resolve({ observations: ['obs-none'] }).catch((error: unknown) => error),
      'staging jobs': () => catalogue.staging.jobs({ open: true }),
      'a staging job': () => catalogue.staging.job(job!.id),
      'a staging job by its workflow': () => catalogue.staging.job(job!.workflowId),
      'packages of a staging job': () => catalogue.staging.items(job!.id),
      'what is staged': () => catalogue.staging.staged(job!.id, staged.packageId),
      'who needs a staged copy': () => catalogue.staging.facts(processing.id, staged.packageId),
      'attempts of transfers': () => catalogue.transferLogs.list({ limit: 50 }),
      'attempts of a package': () => catalogue.transferLogs.list({ word: name, limit: 50 }),
      'attempts of a transfer': () => catalogue.transferLogs.list({ word: transfer!.id, limit: 50 }),
      'the log about a package': () => catalogue.auditLog.about(name),
      'the end of the log': () => catalogue.auditLog.head(),
      topology: () => catalogue.topology(),
      routes: () => catalogue.routes(),
      settings: () => catalogue.settings.stored(),
      'changes of settings': () => catalogue.settings.history(),
      channels: () => catalogue.notifications.channels(),
      'what a channel may send': () => catalogue.notifications.claim('mail', 10),
      stores: () => catalogue.stores.all(),
      'a store': () => catalogue.stores.known(archive.id, 'none'),
      'packages that no buffer should have': () => catalogue.leftOvers.among(processing.id, [name, 'none']),
      'giving up what a buffer has': () =>
        catalogue.leftOvers.giveUp({ locationId: buffer.id, name, bytes: 1, members: [file!] }),
      'the mark of a disk': () => catalogue.marks.of(buffer.id),
      'a location by its ID': () => catalogue.locationById(buffer.id),
      'since when nothing was audited': () =>
        catalogue.fixity.dueCopies(archive.id, { before: epoch, askedBefore: epoch, limit: 50 }),
    },
    whole: {
      'all staging jobs': () => catalogue.staging.jobs({ open: false }),
      'all packages of a source': () => catalogue.packagesOfSource(source.id),
      'the whole audit log': () => catalogue.auditLog.verify(),
    },
    journey: () => journey(catalogue, at),
  };
}
