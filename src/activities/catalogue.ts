import type { DataTransferPlan, Location, PackageReference, StoredCopy } from '../core/database/records.js';
import { diskPolicy } from '../core/disk-rules.js';
import { ConfigurationError } from '../core/exceptions.js';
import type { Place } from '../core/journey-inputs.js';
import { QUIET_TIMES } from '../core/policy/execution-wait.js';
import { primaryBuffer } from '../core/policy/routing.js';
import { makeDeletionPlanningActivities } from './deletion-planning.js';
import type { Dependencies } from './dependencies.js';
import {
  started,
  type PlannedArchiving,
  type PlannedPackage,
  type PlannedTransfer,
} from './journey-orders.js';
import { whileBusy } from './liveness.js';
import { recordArchived, wakeOnward } from './onward.js';

/** Work that needs the catalogue and nothing else; it runs beside it. */

export interface ArrivedPackage {
  packageId: string;
  bytes: number;
  sha256: string;
}

export interface FailedPackage {
  packageId: string;
  name: string;
  errorClass: string;
  message: string;
}

/** What went over the line, and in which time. */
export interface Sent {
  bytes: number;
  seconds: number;
}

/** What a planner came to. */
export interface Plan<T> {
  planned: T[];
  /** Why other work waits, as sentences. */
  reasons: string[];
}

export type CatalogueActivities = ReturnType<typeof makeCatalogueActivities>;

export function makeCatalogueActivities(dependencies: Dependencies) {
  const { catalogue, settings, notifications } = dependencies;
  return {
    ...makeDeletionPlanningActivities(dependencies),

    async planRawDataPackages(
      input: Place & { quietSeconds?: number; limit: number; plannerId?: string },
    ): Promise<Plan<PlannedPackage>> {
      return whileBusy(async () => {
        const source = await catalogue.location(input.site, input.location);
        const buffer = await bufferOf(input.site);
        const quietSeconds = input.quietSeconds ?? (await settings.get('packaging.quiet_seconds', input));
        const before = await reasonsOf(input.plannerId);
        const packages = await catalogue.planRawDataPackages({
          sourceLocationId: source.id,
          bufferLocationId: buffer.id,
          maxBytes: await settings.get('packaging.max_bytes', input),
          maxFiles: await settings.get('packaging.max_files', input),
          waitSeconds: QUIET_TIMES * quietSeconds,
          executionQuietSeconds: await settings.get('packaging.execution_quiet_seconds', input),
          limit: input.limit,
          disks: await disksNow(),
          plannerId: input.plannerId,
        });
        const planned = packages.map((one) => ({
          packageId: one.id,
          name: one.name,
          observation: one.executedObsUnit,
          source: { site: input.site, location: input.location, locationId: source.id },
          fresh: one.fresh,
        }));
        const reasons = await reasonsOf(input.plannerId);
        await tellWaiting(`${input.site}.${input.location}`, before, reasons);
        return { planned, reasons };
      });
    },

    /** Starts the creation of packages that were planned: apart from planning them, which does not find the same packages again. */
    async startPackageCreations(input: { packages: PlannedPackage[] }): Promise<void> {
      await whileBusy(() => dependencies.startJourneys('raw_data_package_creation', input.packages));
    },

    async planDataTransfers(input: Place & { plannerId?: string }): Promise<Plan<PlannedTransfer>> {
      return whileBusy(async () => {
        const buffer = await catalogue.location(input.site, input.location);
        const transfers = await catalogue.planDataTransfers({
          bufferLocationId: buffer.id,
          maxPackages: await settings.get('transfer.bundle_packages', input),
          maxBytes: await settings.get('transfer.bundle_bytes', input),
          maxAgeSeconds: await settings.get('transfer.bundle_max_age_seconds', input),
          disks: await disksNow(),
          primary: {
            policy: await settings.get('routing.primary_policy', input),
            windowSeconds: 3600 * (await settings.get('routing.rate_window_hours', input)),
          },
          plannerId: input.plannerId,
        });
        return {
          planned: await started(dependencies, 'data_transfer', transfers.map(toPlanned)),
          reasons: await reasonsOf(input.plannerId),
        };
      });
    },

    /** Hands what is left of a transfer over to a new one that goes another way; undefined where none is open. */
    async rerouteTransfer(input: {
      dataTransferId: string;
      reason: string;
    }): Promise<PlannedTransfer | undefined> {
      return whileBusy(async () => {
        const plan = await catalogue.rerouteTransfer(input.dataTransferId, input.reason, {
          disks: await disksNow(),
        });
        return plan && toPlanned(plan);
      });
    },

    /** Records what arrived and what did not, starts the archiving of what arrived, and tells of it. */
    async recordArrival(input: {
      dataTransferId: string;
      arrived: ArrivedPackage[];
      failed: FailedPackage[];
      sent?: Sent;
    }): Promise<PlannedArchiving[]> {
      return whileBusy(async () => {
        const order = await catalogue.transferOrder(input.dataTransferId);
        const failed = input.failed.map((one) => ({
          packageId: one.packageId,
          reason: `${one.errorClass}: ${one.message}`,
        }));
        await catalogue.recordArrival(input.dataTransferId, input.arrived, failed, input.sent);
        await wakeOnward(dependencies, order.destination.site);
        const arrived = new Set(input.arrived.map((one) => one.packageId));
        const packages = order.packages.filter((one) => arrived.has(one.id));
        const there = await catalogue.locations(order.destination.site);
        const archives = there.filter((one) => one.locationType === 'long_term_archive' && one.active);
        const damaged = await catalogue.fixity.damagedAmong(
          [...arrived],
          archives.map(({ id }) => id),
        );
        // What is damaged there is put right by its repair, which waits for what arrived just now.
        const isDamaged = (packageId: string, locationId: string) =>
          damaged.some((one) => one.packageId === packageId && one.locationId === locationId);
        const next: PlannedArchiving[] = [];
        for (const archive of archives)
          next.push(
            ...(await startArchiving(
              archive,
              packages
                .filter((one) => !isDamaged(one.id, archive.id))
                .map(({ id, name, executedObsUnit }) => ({
                  packageId: id,
                  name,
                  observation: executedObsUnit,
                })),
            )),
          );
        return next;
      });
    },

    /** Ends a data transfer by an operator's word: what did not arrive is sent again later, or given up. */
    async closeTransfer(input: {
      dataTransferId: string;
      as: 'left' | 'failed';
      reason: string;
    }): Promise<void> {
      await whileBusy(() => catalogue.closeTransfer(input.dataTransferId, input.as, input.reason));
    },

    async planArchiveTransfers(input: Place): Promise<PlannedArchiving[]> {
      return whileBusy(async () => {
        const archive = await catalogue.location(input.site, input.location);
        return startArchiving(archive, await catalogue.planArchiveTransfers(archive.id));
      });
    },

    /**
     * Records an archive copy that a worker from before 2026-12 only stored.
     *
     * @returns that its planner was asked to look for what it has made redundant; workers from before that returned nothing, and their workflows
     *   began the deletion
     */
    async recordArchived(input: {
      packageId: string;
      archive: Place;
      stored: StoredCopy;
    }): Promise<{ deletionAsked: true } | undefined> {
      await whileBusy(async () => {
        const archive = await catalogue.location(input.archive.site, input.archive.location);
        await recordArchived(dependencies, { ...input, archive });
      });
      return { deletionAsked: true };
    },

    async failPackages(input: { packageIds: string[]; reason: string }): Promise<void> {
      await whileBusy(async () => {
        for (const packageId of input.packageIds) await catalogue.failPackage(packageId, input.reason);
      });
    },

    async reportProblem(input: {
      operation: string;
      subject: string;
      errorClass: string;
      message: string;
      advice?: string;
      workflowId: string;
      sourceLocationId?: string;
      step: string;
    }): Promise<void> {
      const { step, message, ...problem } = input;
      await whileBusy(() => catalogue.reportProblem({ ...problem, message: `${step} failed: ${message}` }));
      await notifications.tell({
        level: 'critical',
        kind: 'operator_needed',
        subject: input.subject,
        happened: `${step} failed: ${input.errorClass}: ${message}`,
        tried: 'Everything that can pass by itself was tried again; this can not.',
        advice: `${input.advice === undefined ? '' : `${input.advice} `}Then \`cdt retry\`, \`cdt skip\` or \`cdt abandon\` with ${input.workflowId}.`,
        workflowId: input.workflowId,
      });
    },

    async resolveProblem(input: {
      workflowId: string;
      decision: { action: string; by: string; note?: string };
    }): Promise<void> {
      const { workflowId, decision } = input;
      const subjects = await whileBusy(async () => {
        const open = (await catalogue.openProblems()).filter((one) => one.workflowId === workflowId);
        await catalogue.resolveProblems({ workflowId });
        return new Set(open.map((one) => one.subject));
      });
      for (const subject of subjects)
        await notifications.tell({
          level: 'info',
          kind: 'operator_decided',
          subject,
          happened: `${decision.by} decided: ${decision.action}${decision.note === undefined ? '' : ` (${decision.note})`}`,
          workflowId,
          resolves: 'operator_needed',
        });
    },
  };

  /** Starts the journeys of packages into an archive, and notes that for its planner. */
  async function startArchiving(to: Location, packages: PackageReference[]): Promise<PlannedArchiving[]> {
    if (packages.length === 0) return [];
    const archive = { site: to.site, location: to.name };
    const orders = packages.map((one) => ({ ...one, archive }));
    const begun = await started(dependencies, 'long_term_archive_transfer', orders);
    await catalogue.noteArchivingStarted(
      packages.map(({ packageId }) => packageId),
      to.id,
    );
    return begun;
  }

  /** How the disks of all locations are judged now. */
  async function disksNow() {
    return diskPolicy(settings, await catalogue.locations());
  }

  /** Why the work of a planner waits, as it was found last. */
  async function reasonsOf(plannerId: string | undefined): Promise<string[]> {
    if (plannerId === undefined) return [];
    return (await catalogue.liveness.verdict(plannerId))?.reasons ?? [];
  }

  /** Tells people that nothing more of a source is packaged, and that it goes on. */
  async function tellWaiting(source: string, before: string[], now: string[]): Promise<void> {
    if (now.length > 0 && before.length === 0)
      await notifications.tell({
        level: 'warning',
        kind: 'packaging_waits',
        subject: source,
        happened: now.join('; '),
        tried: 'Every buffer of the site was considered; it goes on by itself once one has room.',
        advice: 'See `cdt locations`. `cdt deletion plan` tells what keeps copies that are archived.',
      });
    if (now.length === 0 && before.length > 0)
      await notifications.tell({
        level: 'info',
        kind: 'packaging_goes_on',
        subject: source,
        happened: `packaging of ${source} goes on: there is room again`,
        resolves: 'packaging_waits',
      });
  }

  /** The buffer of a site that new packages go to: the first by priority that is switched on. */
  async function bufferOf(site: string) {
    const found = primaryBuffer({ locations: await catalogue.locations(site) }, site);
    if ('buffer' in found) return found.buffer;
    throw new ConfigurationError(found.reasons.join('; '), {
      subject: site,
      advice: 'add a buffer to the topology',
    });
  }
}

function toPlanned({ id, ...one }: DataTransferPlan): PlannedTransfer {
  return { dataTransferId: id, ...one };
}
