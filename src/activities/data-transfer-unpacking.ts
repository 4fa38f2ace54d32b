import { access } from 'node:fs/promises';
import type { TransferOrder } from '../core/database/records.js';
import { verifyPackage, type VerifyOptions } from '../core/package/verify-package.js';
import { atOnce } from '../core/utilities/at-once.js';
import { removePartials } from '../core/transport/partial-files.js';
import { classifyDiskError, removeIfPresent } from '../core/utilities/disk.js';
import type { ArrivedPackage, FailedPackage } from './catalogue.js';
import type { Dependencies } from './dependencies.js';
import { whileBundleMoves, whileBusy } from './liveness.js';
import { requireDisk } from './marked-disk.js';
import { diskPath, packageFile } from './places.js';

export type UnpackingActivities = ReturnType<typeof makeUnpackingActivities>;

type OrderedPackage = TransferOrder['packages'][number];

/** Small packages cost a disk's waits more than its rate: some are read at the same time. */
const VERIFIED_AT_ONCE = 4;

export function makeUnpackingActivities(dependencies: Dependencies) {
  return {
    /**
     * Reads every package of a bundle back from this site's disk and checks it. A damaged one is
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
      const pending = order.packages.filter((one) => one.pending);
      const about = {
        operation: 'data_transfer_unpacking',
        subject: pending.length === 1 ? (pending[0]?.name ?? '') : `${pending.length} packages`,
        bytesTotal: pending.reduce((sum, one) => sum + one.bytes, 0),
      } as const;
      await whileBundleMoves(dependencies, about, async (bundle) => {
        const stopped = new AbortController();
        const signal = AbortSignal.any([bundle.signal, stopped.signal]);
        const verify = async (one: OrderedPackage) => {
          const { onProgress, end } = bundle.begin({ subject: one.name, bytesTotal: one.bytes });
          const wrong = await whatIsWrong(packageFile(order.destination, one.name), one, {
            signal,
            onProgress,
          });
          end(wrong === undefined ? 'done' : 'failed');
          const { id: packageId, name, bytes, sha256 } = one;
          if (wrong === undefined) arrived.push({ packageId, bytes, sha256 });
          else damaged.push({ packageId, name, ...wrong });
        };
        await atOnce(pending, VERIFIED_AT_ONCE, verify, (reason) => stopped.abort(reason));
      });
      const whole = arrived.map(({ packageId }) => packageId);
      const names = pending.filter(({ id }) => whole.includes(id)).map(({ name }) => `${name}.tar`);
      for (const name of await removePartials(diskPath(order.destination), names))
        dependencies.log.info('removed what an interrupted transfer had left', { name });
      return { arrived, damaged };
    },
  };
}

/** Reads a package back, and removes it where it is damaged; undefined where it is as it was packaged. */
async function whatIsWrong(
  file: string,
  { bytes, sha256 }: OrderedPackage,
  options: VerifyOptions,
): Promise<Pick<FailedPackage, 'errorClass' | 'message'> | undefined> {
  if (!(await isThere(file)))
    return { errorClass: 'DataTransferError', message: 'it is not at the destination' };
  const verdict = await verifyPackage({ file, bytes, sha256, ...options });
  if (verdict.ok) return undefined;
  await removeIfPresent(file);
  return {
    errorClass: 'ChecksumVerificationError',
    message: verdict.mismatches.slice(0, 5).join(', '),
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
