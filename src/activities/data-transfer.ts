import { setMaxListeners } from 'node:events';
import type { TransferOrder } from '../core/database/records.js';
import { workContext } from '../core/decorators.js';
import { CCATDataOperationError } from '../core/exceptions.js';
import type { Transport } from '../core/transport/transport.js';
import { atOnce } from '../core/utilities/at-once.js';
import { count } from '../core/utilities/format.js';
import type { FailedPackage, Sent } from './catalogue.js';
import type { Dependencies } from './dependencies.js';
import { whileBundleMoves, whileBusy, type MovingBundle } from './liveness.js';
import { packageFile } from './places.js';
import { throughBreaker, wayOver, type Asked } from './through-breaker.js';

export type TransferActivities = ReturnType<typeof makeTransferActivities>;

type OrderedPackage = TransferOrder['packages'][number];

export function makeTransferActivities(dependencies: Dependencies) {
  return {
    /**
     * Sends every package of a bundle to the destination, as many at once as its transport makes use of. What is there already is passed
     * over; what was interrupted goes on with what is missing. A package that can't be sent for good does not stop the others.
     *
     * @throws ApplicationFailure at once while the route is left alone, see {@link throughBreaker}
     */
    async transferPackages(
      input: {
        dataTransferId: string;
        /** Whether what was sent before arrived damaged. Absent from workflows of earlier versions. */
        again?: boolean;
      } & Asked,
    ): Promise<{ failed: FailedPackage[]; sent?: Sent }> {
      const order = await whileBusy(() => dependencies.catalogue.transferOrder(input.dataTransferId));
      // An earlier round delivered the others; they may be archived by now, and gone from both buffers.
      const pending = order.packages.filter((one) => one.pending);
      if (pending.length === 0) return { failed: [] };
      const way = { ...wayOver(order.route, order.origin), asked: input.asked };
      return throughBreaker(dependencies, way, async (works) => {
        const transport = dependencies.transport(order.route, order.destination);
        try {
          return await sendAll(transport, order, {
            pending,
            works,
            digestedOnArrival: input.again === false,
          });
        } finally {
          await transport.close();
        }
      });
    },
  };

  async function sendAll(
    transport: Transport,
    { route, origin }: TransferOrder,
    {
      pending: packages,
      works,
      digestedOnArrival,
    }: { pending: OrderedPackage[]; works: () => Promise<void>; digestedOnArrival: boolean },
  ): Promise<{ failed: FailedPackage[]; sent: Sent }> {
    const about = {
      operation: 'data_transfer',
      subject: packages.length === 1 ? (packages[0]?.name ?? '') : `${packages.length} packages`,
      route: route.name,
      bytesTotal: packages.reduce((sum, one) => sum + one.bytes, 0),
    } as const;
    const failed: FailedPackage[] = [];
    const sent: Sent = { bytes: 0, seconds: 0 };
    let there = 0;
    const begun = performance.now();
    const sendThem = async (bundle: MovingBundle) => {
      const stopped = new AbortController();
      const signal = AbortSignal.any([bundle.signal, stopped.signal]);
      // Every send waits on it: that is no leak.
      setMaxListeners(0, signal);
      const limit = dependencies.routeLimits.of(route.name, route.maxBytesPerSecond);
      const pace = async (length: number) => limit?.take(length, { signal, onWait: bundle.heldBack });
      const sendOne = async (one: OrderedPackage) => {
        const { name, bytes, sha256 } = one;
        const { onProgress, end } = bundle.begin({ subject: name, bytesTotal: bytes });
        const file = packageFile(origin, name);
        try {
          const { bytesSent, alreadyThere } = await transport.send({
            file,
            name: `${name}.tar`,
            bytes,
            sha256,
            digestedOnArrival,
            signal,
            onProgress,
            pace,
          });
          end('done');
          sent.bytes += bytesSent;
          if (alreadyThere) there += 1;
        } catch (error) {
          end('failed');
          failed.push(ownFailure(one, error));
          return;
        }
        await works();
      };
      await atOnce(packages, transport.parallelSends, sendOne, (reason) => stopped.abort(reason));
    };
    await whileBundleMoves(dependencies, about, sendThem, works);
    if (sent.bytes > 0) sent.seconds = (performance.now() - begun) / 1000;
    if (there > 0) workContext()?.note?.(`${count(there, 'package')} of them were there already`);
    return { failed, sent };
  }
}

/** What is wrong with a package that can't be sent for good; every other error is thrown again, since it concerns them all. */
function ownFailure({ id, name }: OrderedPackage, error: unknown): FailedPackage {
  // Only what concerns this very package is its own failure; a wrong key or route concerns all.
  if (!(error instanceof CCATDataOperationError) || error.retryable || error.name === 'ConfigurationError')
    throw error;
  workContext()?.note?.(`${name} can not be sent: ${error.name}: ${error.message}`);
  return { packageId: id, name, errorClass: error.name, message: error.message };
}
