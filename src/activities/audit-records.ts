import type { CopyReference, DamageFound } from '../core/database/catalogue/fixity.js';
import type { ReadRange, StoredCopy } from '../core/database/records.js';
import { ArchiveCorruptionError, ServiceUnavailableError } from '../core/exceptions.js';
import type { Place } from '../core/journey-inputs.js';
import type { Dependencies } from './dependencies.js';
import type { InBuffer } from './repair-detour.js';
import { whileBusy } from './liveness.js';

/** Where else a good copy may come from. */
export interface RepairFallbacks {
  /** Where somebody may put one, in words. */
  supplyTo: string[];
  /** Buffers elsewhere from which it comes by itself, `site.location`. */
  inBuffers: string[];
  /** Archives from which it can be brought back, and by which buffer. */
  detours: { copyId: string; archive: Place; buffer: Place & { id: string } }[];
}

export type AuditRecordActivities = ReturnType<typeof makeAuditRecordActivities>;

const OPERATION = 'audit';

/** What audits need of the catalogue. */
export function makeAuditRecordActivities({ catalogue, settings, notifications, wakePlanner }: Dependencies) {
  return {
    /** Copies of an archive to be read again now, and damaged ones whose repair may have been cut off. */
    async planAudit(input: {
      archive: Place;
      /** ISO 8601: what was asked for since then had its turn. */
      askedBefore: string;
      /** Due or not. */
      everything: boolean;
      limit: number;
    }): Promise<{ due: CopyReference[]; repairs: CopyReference[] }> {
      return whileBusy(async () => {
        const { id } = await catalogue.location(input.archive.site, input.archive.location);
        const days = input.everything ? 0 : await settings.get('audit.interval_days', input.archive);
        const before = new Date(Date.now() - days * 86_400_000).toISOString();
        return {
          due: await catalogue.fixity.dueCopies(id, {
            before,
            askedBefore: input.askedBefore,
            limit: input.limit,
          }),
          repairs: await catalogue.fixity.openRepairs(id),
        };
      });
    },

    async recordSound(input: {
      copyId: string;
      name: string;
      archive: Place;
      at: string;
      ranges: ReadRange[];
    }): Promise<void> {
      await whileBusy(async () => {
        await catalogue.fixity.recordSound(input.copyId, input.at, input.ranges);
        await catalogue.resolveProblems({ operation: OPERATION, subject: subjectOf(input) });
      });
    },

    /** Tells of damage, and lets the copy count no more. */
    async recordDamage(input: {
      copyId: string;
      name: string;
      archive: Place;
      damage: DamageFound;
    }): Promise<{ repair: boolean }> {
      return whileBusy(async () => {
        const recorded = await catalogue.fixity.recordDamage(input.copyId, input.damage);
        if (recorded === undefined) return { repair: false };
        const message = `${WORDS[input.damage.kind]}, as two looks found`;
        const advice =
          recorded.sources > 0
            ? 'It is repaired from another copy by itself, and nothing of the package is deleted until then.'
            : 'No other copy is known to repair it from: bring one back (a source, a tape, a backup), then retry the repair. Nothing of the package is deleted until then.';
        await catalogue.reportProblem({
          operation: OPERATION,
          errorClass: ArchiveCorruptionError.name,
          subject: subjectOf(input),
          message,
          advice,
        });
        await notifications.tell({
          level: 'critical',
          kind: 'archive_damage',
          subject: subjectOf(input),
          happened: `an archived copy of ${input.name} ${message}`,
          advice,
        });
        return { repair: true };
      });
    },

    /** Notes that a copy could not be read: that is no damage, and it has its turn again. */
    async recordUnanswered(input: {
      copyId: string;
      name: string;
      archive: Place;
      reason: string;
    }): Promise<void> {
      await whileBusy(async () => {
        await catalogue.fixity.recordUnanswered(input.copyId, input.reason);
        await catalogue.reportProblem({
          operation: OPERATION,
          errorClass: ServiceUnavailableError.name,
          subject: subjectOf(input),
          message: `it could not be read to be audited: ${input.reason}`,
          advice: 'It is tried again by itself, after the others. It is not taken for lost.',
        });
      });
    },

    /** The copies that a damaged one may be repaired from, best first; undefined where it is not damaged any more. */
    async repairSources(input: { copyId: string }): Promise<{ copyId: string; place: string }[] | undefined> {
      return whileBusy(async () => {
        const order = await catalogue.fixity.repairOrder(input.copyId);
        return order?.sources.map(({ id, location }) => ({
          copyId: id,
          place: `${location.site}.${location.name}`,
        }));
      });
    },

    /** What a repair may fall back on where nothing that is reached from there is good; undefined where the copy is not damaged any more. */
    async repairElsewhere(input: { copyId: string }): Promise<RepairFallbacks | undefined> {
      return whileBusy(async () => {
        const order = await catalogue.fixity.repairElsewhere(input.copyId);
        if (order === undefined) return undefined;
        return {
          supplyTo: order.buffersHere.map((one) => `${one.path}/${order.name}.tar at ${one.site}`),
          inBuffers: order.inBuffers,
          detours: order.detours.map(({ source, buffer }) => ({
            copyId: source.id,
            archive: { site: source.location.site, location: source.location.name },
            buffer: { id: buffer.id, site: buffer.site, location: buffer.name },
          })),
        };
      });
    },

    /** Records that a buffer has the package, and has it sent on from there. */
    async recordInBuffer(input: { found: InBuffer; from: string; buffer?: Place }): Promise<void> {
      await whileBusy(() => catalogue.fixity.recordInBuffer({ ...input.found, from: input.from }));
      if (input.buffer !== undefined) await wakePlanner('data_transfer_package_creation', input.buffer);
    },

    /**
     * Returns when a buffer at the damaged copy's site has the package, or when it is damaged no more.
     *
     * @throws ServiceUnavailableError until then: it is asked again
     */
    async awaitInBuffer(input: { copyId: string; from: string }): Promise<void> {
      await whileBusy(async () => {
        const order = await catalogue.fixity.repairOrder(input.copyId);
        if (order === undefined || order.sources.some((one) => one.location.locationType === 'buffer'))
          return;
        throw new ServiceUnavailableError(`a good copy is on its way from ${input.from}`, {
          operation: OPERATION,
          subject: order.package.name,
          retryAfterSeconds: 5,
        });
      });
    },

    /** A copy that was to be repaired from is damaged itself: it is audited next, and counts for nothing until then. */
    async recordBadSource(input: { copyId: string; place: string; found: string }): Promise<void> {
      await whileBusy(() =>
        catalogue.deletions.recordDoubt(input.copyId, `a repair was to be made from it: ${input.found}`),
      );
    },

    async recordRepaired(input: {
      copyId: string;
      name: string;
      archive: Place;
      source: { copyId: string; place: string };
      stored: StoredCopy;
    }): Promise<void> {
      await whileBusy(async () => {
        await catalogue.fixity.recordRepaired(input.copyId, input.source.copyId, input.stored);
        await catalogue.resolveProblems({ operation: OPERATION, subject: subjectOf(input) });
        await notifications.tell({
          level: 'info',
          kind: 'archive_repaired',
          subject: subjectOf(input),
          happened: `the damaged copy of ${input.name} was put anew from ${input.source.place} as ${input.stored.key}, and read back`,
        });
      });
    },
  };
}

const WORDS = {
  missing: 'is gone from the store',
  size: 'has another size',
  digest: 'has other bytes than were archived',
} as const;

function subjectOf({ name, archive }: { name: string; archive: Place }): string {
  return `${name} in ${archive.site}.${archive.location}`;
}
