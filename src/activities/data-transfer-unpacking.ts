import { access } from 'node:fs/promises';
import { verifyPackage } from '../core/package/verify-package.js';
import { classifyDiskError, removeIfPresent } from '../core/utilities/disk.js';
import type { ArrivedPackage, FailedPackage } from './catalogue.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove } from './liveness.js';
import { requireDisk } from './marked-disk.js';
import { packageFile } from './places.js';

export type UnpackingActivities = ReturnType<typeof makeUnpackingActivities>;

export function makeUnpackingActivities(dependencies: Dependencies) {
  return {
    /**
     * Reads every package of a bundle back from this site's disk and checks it, whole and file by file. A damaged one is
     * removed, so that it can be sent again; the origin still has it.
     */
    async verifyPackages(input: {
      dataTransferId: string;
    }): Promise<{ arrived: ArrivedPackage[]; damaged: FailedPackage[] }> {
      const order = await whileBusy(() => dependencies.catalogue.transferOrder(input.dataTransferId));
      // What is not on a disk that is not mounted was not lost on the way.
      await whileBusy(() =>
        requireDisk(dependencies.catalogue, order.destination, 'data_transfer_unpacking'),
      );
      const arrived: ArrivedPackage[] = [];
      const damaged: FailedPackage[] = [];
      // An earlier round delivered the others; they may be archived by now, and gone from both buffers.
      for (const one of order.packages.filter(({ pending }) => pending)) {
        const file = packageFile(order.destination, one.name);
        const fail = (errorClass: string, message: string) =>
          damaged.push({ packageId: one.id, name: one.name, errorClass, message });
        if (!(await isThere(file))) {
          fail('DataTransferError', 'it is not at the destination');
          continue;
        }
        const about = {
          operation: 'data_transfer_unpacking',
          subject: one.name,
          bytesTotal: one.bytes,
        } as const;
        const verdict = await whileBytesMove(dependencies, about, (options) =>
          verifyPackage({ file, bytes: one.bytes, sha256: one.sha256, ...options }),
        );
        if (verdict.ok) {
          arrived.push({ packageId: one.id, bytes: one.bytes, sha256: one.sha256 });
        } else {
          await removeIfPresent(file);
          fail('ChecksumVerificationError', verdict.mismatches.slice(0, 5).join(', '));
        }
      }
      return { arrived, damaged };
    },
  };
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw classifyDiskError(error, { operation: 'data_transfer_unpacking', subject: file });
  }
}
