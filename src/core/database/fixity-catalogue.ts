import * as fixity from './catalogue/fixity.js';
import { damages, fixityStatus, type Damage, type FixityStatus } from './catalogue/fixity-status.js';
import { recordInBuffer, repairElsewhere, type RepairElsewhere } from './catalogue/repair-detour.js';
import { unknownKeys } from './catalogue/unknown-keys.js';
import type { ReadRange, StoredCopy } from './records.js';
import type { Transactions } from './transactions.js';

/** Whether archived copies are still what they were: what was read when, what was damaged, what was repaired. Throws as {@link Catalogue} does. */
export class FixityCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** Copies of an archive that are to be read again, the one that was read longest ago first. */
  dueCopies(
    archiveLocationId: string,
    which: { before: string; askedBefore: string; limit: number },
  ): Promise<fixity.CopyReference[]> {
    return this.transactions.read((manager) => fixity.dueCopies(manager, archiveLocationId, which));
  }

  auditOrder(copyId: string): Promise<fixity.AuditOrder> {
    return this.transactions.read((manager) => fixity.auditOrder(manager, copyId));
  }

  /** Notes that a copy had its turn and could not be read. */
  recordUnanswered(copyId: string, failure: string): Promise<void> {
    return this.transactions.write((manager) => fixity.recordAsked(manager, copyId, failure));
  }

  /**
   * @param at ISO 8601
   * @param ranges noted while it was read, for later challenges
   */
  recordSound(copyId: string, at: string, ranges: ReadRange[]): Promise<void> {
    return this.transactions.write((manager) => fixity.recordSound(manager, copyId, at, ranges));
  }

  /** The copy counts no more; undefined where it was repaired or verified since, or was known as damaged. */
  recordDamage(copyId: string, found: fixity.DamageFound): Promise<{ sources: number } | undefined> {
    return this.transactions.write((manager) => fixity.recordDamage(manager, copyId, found));
  }

  openRepairs(archiveLocationId: string): Promise<fixity.CopyReference[]> {
    return this.transactions.read((manager) => fixity.openRepairs(manager, archiveLocationId));
  }

  /** Undefined where the copy is not damaged any more. */
  repairOrder(copyId: string): Promise<fixity.RepairOrder | undefined> {
    return this.transactions.read((manager) => fixity.repairOrder(manager, copyId));
  }

  /** Which of these packages have a damaged copy at which of these locations. */
  damagedAmong(
    packageIds: string[],
    locationIds: string[],
  ): Promise<{ packageId: string; locationId: string }[]> {
    return this.transactions.read((manager) => fixity.damagedAmong(manager, packageIds, locationIds));
  }

  recordRepaired(copyId: string, sourceCopyId: string, stored: StoredCopy): Promise<void> {
    return this.transactions.write((manager) => fixity.recordRepaired(manager, copyId, sourceCopyId, stored));
  }

  /** What else there is to repair a copy from; undefined where it is not damaged any more. */
  repairElsewhere(copyId: string): Promise<RepairElsewhere | undefined> {
    return this.transactions.read((manager) => repairElsewhere(manager, copyId));
  }

  /** Records that a buffer has a package, read there in full. */
  recordInBuffer(found: Parameters<typeof recordInBuffer>[1]): Promise<void> {
    return this.transactions.write((manager) => recordInBuffer(manager, found));
  }

  /** Each archive. */
  status(): Promise<FixityStatus[]> {
    return this.transactions.read(fixityStatus);
  }

  /** Damage that was found, the latest first, at most 1000. */
  damages(which: { archiveLocationId?: string; open: boolean }): Promise<Damage[]> {
    return this.transactions.read((manager) => damages(manager, which));
  }

  /** Those of the keys under which there is no copy in this archive, neither a good one nor one that was found damaged. */
  unknownKeys(archiveLocationId: string, keys: readonly string[]): Promise<string[]> {
    return this.transactions.read((manager) => unknownKeys(manager, archiveLocationId, keys));
  }
}
