import { stat } from 'node:fs/promises';
import type { Location } from '../core/database/records.js';
import { PermanentError } from '../core/exceptions.js';
import { sourceInStore } from '../core/staging/byte-source.js';
import { bringWhole } from '../core/staging/download.js';
import { calculateChecksum } from '../core/utilities/checksum.js';
import { classifyDiskError, ifPresent } from '../core/utilities/disk.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove } from './liveness.js';
import { requireDisk } from './marked-disk.js';
import { packageFile } from './places.js';

/** A package's tar in a buffer, read there and equal. */
export interface InBuffer {
  packageId: string;
  locationId: string;
  sha256: string;
  /** ISO 8601. */
  verifiedAt: string;
}

export type RepairDetourActivities = ReturnType<typeof makeRepairDetourActivities>;

const OPERATION = 'audit';

/** What a repair does at a site, where no good copy is reached from the damaged one's. */
export function makeRepairDetourActivities(dependencies: Dependencies) {
  const { catalogue } = dependencies;

  return {
    /**
     * Looks whether somebody has put a good copy of the package into a buffer at the damaged copy's site, under the package's name.
     * What is there and is something else is told, and left alone.
     */
    async findSupplied(input: { copyId: string }): Promise<{ found?: InBuffer; told: string[] }> {
      const order = await whileBusy(() => catalogue.fixity.repairElsewhere(input.copyId));
      if (order === undefined) return { told: [] };
      const { damaged, name, buffersHere } = order;
      const about = { operation: OPERATION, subject: name, bytesTotal: damaged.bytes } as const;
      const told: string[] = [];
      for (const buffer of buffersHere) {
        const file = packageFile(buffer, name);
        const bytes = await sizeOf(file);
        if (bytes === undefined) continue;
        const sha256 =
          bytes !== damaged.bytes
            ? undefined
            : await whileBytesMove(dependencies, about, ({ signal, onProgress }) =>
                calculateChecksum(file, 'sha256', { signal, onProgress }),
              );
        if (sha256 === damaged.sha256) return { found: inBuffer(damaged.packageId, buffer, sha256), told };
        told.push(`what lies in ${buffer.site}.${buffer.name} under its name is not it`);
      }
      return { told };
    },

    /**
     * Brings a package from an archive of this site into a buffer of this site, from where it is sent on.
     *
     * @throws ChecksumVerificationError when the archive's copy is not what was packaged
     */
    async bringBack(input: { sourceCopyId: string; bufferId: string }): Promise<InBuffer> {
      const [{ copy, package: about }, buffer] = await whileBusy(() =>
        Promise.all([
          catalogue.fixity.auditOrder(input.sourceCopyId),
          catalogue.locationById(input.bufferId),
        ]),
      );
      const store = dependencies.archiveStore(copy.location);
      const { path, bytes, sha256 } = copy;
      await requireDisk(catalogue, buffer, OPERATION);
      await store.requireStore();
      const found = await store.head(path);
      if (found?.bytes !== bytes)
        throw new PermanentError(
          `${path} ${found === undefined ? 'is gone' : 'has another size'} in ${copy.location.site}.${copy.location.name}`,
          { operation: OPERATION, subject: about.name },
        );
      await whileBytesMove(
        dependencies,
        { operation: OPERATION, subject: about.name, bytesTotal: 2 * bytes },
        ({ signal, onProgress }) =>
          bringWhole(
            { source: sourceInStore(store, path), bytes, sha256, signal, onProgress },
            packageFile(buffer, about.name),
          ),
      );
      return inBuffer(copy.packageId, buffer, sha256);
    },
  };
}

function inBuffer(packageId: string, buffer: Location, sha256: string): InBuffer {
  return { packageId, locationId: buffer.id, sha256, verifiedAt: new Date().toISOString() };
}

/** Undefined where there is no such file. */
async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await ifPresent(stat(file)))?.size;
  } catch (error) {
    throw classifyDiskError(error, { operation: OPERATION, subject: file });
  }
}
