import type { StagingOrder } from '../core/database/catalogue/staging-items.js';
import type { PhysicalCopy } from '../core/database/records.js';
import {
  ArchiveCorruptionError,
  CCATDataOperationError,
  ChecksumVerificationError,
  PermanentError,
} from '../core/exceptions.js';
import type { LeftAlone } from '../core/policy/breaker.js';
import { verifyPackage } from '../core/package/verify-package.js';
import { sourceInStore, sourceOnDisk, type ByteSource } from '../core/staging/byte-source.js';
import type { TransferOptions } from '../core/storage/archive-store.js';
import type { Dependencies } from './dependencies.js';
import { leftAloneFailure } from './failure.js';
import { fileAt } from './places.js';
import { wayInto } from './through-breaker.js';

/** Errors that reading an archive threw, as against those of the disk that is written to. */
const ofArchive = new WeakSet<Error>();

/** The bytes of an archive copy: a file of this site's disk, or an object in a store. */
export function archiveSource(dependencies: Dependencies, copy: PhysicalCopy): ByteSource {
  const source =
    copy.location.storageType === 'disk'
      ? sourceOnDisk(fileAt(copy.location, copy.path))
      : sourceInStore(dependencies.archiveStore(copy.location), copy.path);
  return {
    ...source,
    read: async (offset, length) => {
      try {
        return await source.read(offset, length);
      } catch (error) {
        if (error instanceof Error) ofArchive.add(error);
        throw error;
      }
    },
  };
}

/** What came of asking one archive after the other for a package. */
export class ArchiveTries {
  private readonly told: string[];
  private damaged = false;
  private passing: CCATDataOperationError | undefined;
  private readonly leftAlone: LeftAlone[] = [];

  constructor(
    private readonly dependencies: Dependencies,
    private readonly order: StagingOrder,
    refused: string[],
  ) {
    this.told = [...refused];
  }

  /** Whether an archive may be asked now; not while its store is left alone. Whoever may must ask it. */
  async mayAsk({ location }: PhysicalCopy, asked?: boolean): Promise<boolean> {
    const admission = await this.dependencies.breakers.admit(wayInto(location), asked);
    if (!admission.admitted) this.leftAlone.push(admission.leftAlone);
    return admission.admitted;
  }

  /**
   * Asks one archive. An error of that archive is noted, and undefined returned: the next one may have what this one does not give.
   *
   * @returns what is damaged, as sentences; empty where all is well
   */
  async of(
    copy: PhysicalCopy,
    source: ByteSource,
    fetch: () => Promise<string[]>,
  ): Promise<string[] | undefined> {
    const { breakers } = this.dependencies;
    try {
      const damage = await fetch();
      await breakers.succeeded(wayInto(copy.location));
      return damage;
    } catch (error) {
      const fromDisk = source.file !== undefined && isGone(error, source.file);
      const isOfArchive = error instanceof Error && ofArchive.has(error);
      await breakers.failed(wayInto(copy.location), isOfArchive ? error : undefined);
      if (!(error instanceof CCATDataOperationError) || !(isOfArchive || fromDisk)) throw error;
      if (fromDisk || error.context['status'] === 404) {
        await this.tellDamage(copy, ['it is gone']);
        return undefined;
      }
      this.told.push(`${placeOf(copy)}: ${error.name}: ${error.message}`);
      if (error.retryable) this.passing ??= error;
      return undefined;
    }
  }

  /**
   * Reads an archive copy once more as a whole, before it is called damaged: the bytes may have suffered on the way.
   *
   * @throws ChecksumVerificationError when the archive gives the right bytes now
   */
  async confirm(
    copy: PhysicalCopy,
    source: ByteSource,
    damage: string[],
    options: TransferOptions,
  ): Promise<void> {
    const whole =
      source.file === undefined
        ? await this.dependencies.archiveStore(copy.location).readBack(copy.path, options)
        : {
            ...copy,
            ...(!(await verifyPackage({ ...copy, ...options, file: source.file })).ok && { sha256: '' }),
          };
    if (whole.sha256 === copy.sha256 && whole.bytes === copy.bytes)
      throw new ChecksumVerificationError(
        `${this.order.package.name} arrived damaged from ${placeOf(copy)}, which has it whole: ${damage.slice(0, 3).join('; ')}`,
        {
          operation: 'staging',
          subject: this.order.package.name,
          advice: 'It is fetched again. If it stays so, look at the disk of the processing location.',
        },
      );
    await this.tellDamage(copy, damage);
  }

  /** The error that tells how all of it ended. */
  conclusion(): Error {
    if (this.passing !== undefined) return this.passing;
    const [soonest] = this.leftAlone.sort((a, b) => a.until.localeCompare(b.until));
    if (soonest !== undefined) return leftAloneFailure(soonest);
    const { name } = this.order.package;
    const details = {
      operation: 'staging',
      subject: name,
      advice: 'See its copies with `cdt explain`; once an archive has it whole and in reach again, retry.',
    };
    const message = `no archive gives ${name}: ${this.told.join('; ') || 'none has it'}`;
    return this.damaged ? new ArchiveCorruptionError(message, details) : new PermanentError(message, details);
  }

  private async tellDamage(copy: PhysicalCopy, damage: string[]): Promise<void> {
    const { name } = this.order.package;
    const what = `the copy of ${name} in ${placeOf(copy)} is damaged: ${damage.slice(0, 3).join('; ')}`;
    this.damaged = true;
    this.told.push(`${placeOf(copy)}: damaged`);
    const advice = `Its object is ${copy.path}. The audit repairs it from another copy; nothing of it was handed out.`;
    const problem = { operation: 'staging', subject: `${placeOf(copy)}/${copy.path}`, advice };
    await this.dependencies.catalogue.reportProblem({
      ...problem,
      errorClass: 'ArchiveCorruptionError',
      message: what,
    });
    await this.dependencies.notifications.tell({
      level: 'critical',
      kind: 'archive_damage',
      subject: name,
      happened: what,
      tried: 'The package is fetched from another archive, where there is one.',
      advice,
    });
  }
}

function isGone(error: unknown, file: string): boolean {
  return (
    error instanceof CCATDataOperationError &&
    error.context['code'] === 'ENOENT' &&
    error.message.includes(file)
  );
}

function placeOf({ location }: PhysicalCopy): string {
  return `${location.site}.${location.name}`;
}
