import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { StagingOrder } from '../core/database/catalogue/staging-items.js';
import type { Location } from '../core/database/records.js';
import { StorageError } from '../core/exceptions.js';
import type { Place } from '../core/journey-inputs.js';
import { rankSources, whyKeepStaged } from '../core/policy/staging.js';
import { fetchMembers } from '../core/staging/fetch-package.js';
import { buildJobView, removeJobView, type JobView, type ViewedPackage } from '../core/staging/job-view.js';
import { stagedLayout } from '../core/staging/layout.js';
import {
  missingMembers,
  removeEmptyFolders,
  removeMembers,
  setFolderAside,
  type Removal,
} from '../core/staging/staged-files.js';
import type { TransferOptions } from '../core/storage/archive-store.js';
import { classifyDiskError } from '../core/utilities/disk.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove } from './liveness.js';
import { requireDisk } from './marked-disk.js';
import { diskPath } from './places.js';
import { ArchiveTries, archiveSource } from './staging-sources.js';
import type { Asked } from './through-breaker.js';

/** Where the files of a package came from. */
export interface FetchedPackage {
  /** Absent where they were there already. */
  archiveLocationId?: string;
}

export interface StagedView {
  /** The folder that holds the job's files, as the location's hosts name it. */
  folder: string;
  files: number;
  bytes: number;
}

export interface CleaningOutcome {
  /** Names of the packages that were removed. */
  removed: string[];
  /** Why others stay; the first few. */
  kept: string[];
}

export type StagingActivities = ReturnType<typeof makeStagingActivities>;

/** Copies looked at in one go; the planner comes round again. */
const MOST_CLEANED = 200;
const REASONS = 10;

export function makeStagingActivities(dependencies: Dependencies) {
  const { catalogue, notifications, settings } = dependencies;

  return {
    /**
     * Brings the wanted files of a package to the processing location, from the best archive that has them whole. Files that are
     * there already are read and compared instead. An archive whose copy is damaged is told of, and the next one is asked.
     */
    async fetchPackage(input: { jobId: string; packageId: string } & Asked): Promise<FetchedPackage> {
      const order = await whileBusy(() => catalogue.staging.order(input.jobId, input.packageId));
      const { name, bytes } = order.package;
      const about = { operation: 'staging', subject: name, bytesTotal: bytes } as const;
      try {
        return await whileBytesMove(dependencies, about, (options) => fetchFromBest(order, options, input));
      } catch (error) {
        if (error instanceof StorageError)
          await notifications.tell({
            level: 'warning',
            kind: 'staging_blocked',
            subject: `${order.location.site}.${order.location.name}`,
            happened: `${name} can't be staged: ${error.message}`,
            tried: 'It is tried again by itself.',
            advice: error.advice,
            workflowId: `staging-job/${input.jobId}`,
          });
        throw error;
      }
    },

    /** Makes the folder of a job: everything that it has, in the instrument's own structure. */
    async buildJobFolder(input: { jobId: string; place: Place }): Promise<StagedView> {
      return whileBusy(async (signal) => {
        const job = await catalogue.staging.job(input.jobId);
        const view = await viewOf(input.jobId, input.place);
        const packages = (await catalogue.staging.items(input.jobId)).map((one) => ({
          name: one.name,
          observation: one.observation,
          files: one.files,
          bytes: one.bytes,
          partial: one.partial,
          status: one.status,
          ...(one.archive !== undefined && { archive: one.archive }),
          ...(one.reason !== undefined && { reason: one.reason }),
        }));
        const built = await buildJobView(
          view,
          ({ files, bytes }) => ({
            schema: 'ccat-data-transfer/staging-job/1',
            id: input.jobId,
            requestedBy: job?.requestedBy ?? null,
            reason: job?.reason ?? null,
            check: 'sha256sum -c manifest-sha256.txt',
            files,
            bytes,
            packages,
          }),
          signal,
        );
        return { folder: built.folder, files: built.files, bytes: built.bytes };
      });
    },

    /** Takes the folder of a job away; what others changed or added there stays. */
    async removeJobFolder(input: { jobId: string; place: Place }): Promise<Removal> {
      return whileBusy(async (signal) => removeJobView(await viewOf(input.jobId, input.place), signal));
    },

    /** Removes the copies at a location that no job needs any more and whose time of grace has passed. */
    async cleanStaged(input: Place): Promise<CleaningOutcome> {
      return whileBusy(async (signal) => {
        const location = await catalogue.location(input.site, input.location);
        const retentionSeconds = 3600 * (await settings.get('staging.retention_hours', input));
        const outcome: CleaningOutcome = { removed: [], kept: [] };
        let requireSameDisk: (() => Promise<void>) | undefined;
        for (const { packageId, name, neededAt } of await catalogue.staging.unneededCopies(
          location.id,
          MOST_CLEANED,
        )) {
          signal.throwIfAborted();
          const facts = { needs: [], neededAt };
          const reasons = whyKeepStaged({ location, state: 'staged' }, facts, new Date(), {
            retentionSeconds,
          });
          if (reasons.length > 0) {
            if (outcome.kept.length < REASONS) outcome.kept.push(`${name}: ${reasons.join('; ')}`);
            continue;
          }
          requireSameDisk ??= await requireDisk(catalogue, location, 'staging');
          if (await catalogue.staging.beginCleaning(location.id, packageId)) {
            const removal = await removeCopy(location, packageId, name, signal);
            await requireSameDisk();
            await catalogue.staging.recordCleaned(location.id, packageId, { ...removal });
            outcome.removed.push(name);
          }
        }
        return outcome;
      });
    },
  };

  async function fetchFromBest(
    order: StagingOrder,
    options: Required<TransferOptions>,
    { asked }: Asked,
  ): Promise<FetchedPackage> {
    const root = diskPath(order.location);
    const { name, bytes, sha256 } = order.package;
    const target = stagedLayout.packageFolder(root, name);
    if ((await catalogue.marks.of(order.location.id)).markedAt === undefined) await makeFolder(root);
    await requireDisk(catalogue, order.location, 'staging');
    await makeFolder(target);
    // Any change of the figure is a sign of life; it rises over all that is read here.
    let base = 0;
    let last = 0;
    const progress = {
      signal: options.signal,
      onProgress: (done: number) => options.onProgress(base + (last = done)),
    };
    const next = () => (base += last + 1);
    const look = () => missingMembers(target, order.members, stagedLayout.keptFolder(root), progress);

    let missing = await look();
    if (missing.length === 0) return {};
    const { site, name: location } = order.location;
    const reserveBytes = await settings.get('staging.min_free_bytes', { site, location });
    const { sources, refused } = rankSources(order.package, order.copies, order.location);
    const tries = new ArchiveTries(dependencies, order, refused);
    for (const { copy } of sources) {
      if (!(await tries.mayAsk(copy, asked))) continue;
      next();
      const source = archiveSource(dependencies, copy);
      const damage = await tries.of(copy, source, () =>
        fetchMembers({
          ...progress,
          source,
          bytes,
          sha256,
          missing,
          target,
          work: stagedLayout.workFolder(root, name),
          reserveBytes,
        }),
      );
      if (damage !== undefined && damage.length === 0) {
        await rm(stagedLayout.workFolder(root, name), { recursive: true, force: true });
        return { archiveLocationId: copy.location.id };
      }
      next();
      if (damage !== undefined) await tries.confirm(copy, source, damage, progress);
      missing = await look();
    }
    throw tries.conclusion();
  }

  /** The same while it is made and when it is taken away: what was never staged has no part in it. */
  async function viewOf(jobId: string, place: Place): Promise<JobView> {
    const location = await catalogue.location(place.site, place.location);
    const items = (await catalogue.staging.items(jobId)).filter(({ status }) => status === 'staged');
    const sources = new Set<string>();
    for (const { packageId } of items) {
      const { sourceLocation } = await catalogue.packageSummary(packageId);
      sources.add(`${sourceLocation.site}.${sourceLocation.name}`);
    }
    return {
      root: diskPath(location),
      jobId,
      severalSources: sources.size > 1,
      packages: async function* (): AsyncGenerator<ViewedPackage> {
        for (const { packageId } of [...items].reverse()) {
          const { package: one, members } = await catalogue.staging.staged(jobId, packageId);
          yield { name: one.name, source: `${one.sourceLocation.site}.${one.sourceLocation.name}`, members };
        }
      },
    };
  }

  async function removeCopy(
    location: Location,
    packageId: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Removal> {
    const root = diskPath(location);
    const folder = stagedLayout.packageFolder(root, name);
    const { entries } = await catalogue.packageOrder(packageId);
    const removal = await removeMembers(folder, entries, { signal });
    await rm(stagedLayout.workFolder(root, name), { recursive: true, force: true });
    if (!(await removeEmptyFolders(Buffer.from(folder)))) {
      // Somebody worked in it: theirs is kept, under a name that no later copy takes.
      const time = new Date().toISOString().replaceAll(':', '');
      await setFolderAside(folder, join(stagedLayout.keptFolder(root), `${name}.${time}`));
      removal.kept = Math.max(removal.kept, 1);
    }
    return removal;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw classifyDiskError(error, { operation: 'staging', subject: folder });
  }
}
