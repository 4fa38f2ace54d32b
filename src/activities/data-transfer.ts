import type { TransferOrder } from '../core/database/records.js';
import { CCATDataOperationError } from '../core/exceptions.js';
import type { Transport } from '../core/transport/transport.js';
import type { FailedPackage, Sent } from './catalogue.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove } from './liveness.js';
import { packageFile } from './places.js';
import { throughBreaker, wayOver, type Asked } from './through-breaker.js';

export type TransferActivities = ReturnType<typeof makeTransferActivities>;

export function makeTransferActivities(dependencies: Dependencies) {
  return {
    /**
     * Sends every package of a bundle to the destination. What is there already is passed over; what was interrupted
     * goes on where the destination's partial file ends. A package that can't be sent for good does not stop the others.
     *
     * @throws ApplicationFailure at once while the route is left alone, see {@link throughBreaker}
     */
    async transferPackages(
      input: { dataTransferId: string } & Asked,
    ): Promise<{ failed: FailedPackage[]; sent?: Sent }> {
      const order = await whileBusy(() => dependencies.catalogue.transferOrder(input.dataTransferId));
      // An earlier round delivered the others; they may be archived by now, and gone from both buffers.
      const pending = order.packages.filter((one) => one.pending);
      if (pending.length === 0) return { failed: [] };
      const way = { ...wayOver(order.route, order.origin), asked: input.asked };
      return throughBreaker(dependencies, way, async (works) => {
        const failed: FailedPackage[] = [];
        const sent: Sent = { bytes: 0, seconds: 0 };
        const transport = dependencies.transport(order.route, order.destination);
        try {
          for (const one of pending) {
            const failure = await send(transport, order, one, { works, sent });
            if (failure === undefined) await works();
            else failed.push(failure);
          }
        } finally {
          await transport.close();
        }
        return { failed, sent };
      });
    },
  };

  /** Sends one package; answers with what is wrong with it where it can't be sent for good. */
  async function send(
    transport: Transport,
    { route, origin }: TransferOrder,
    one: TransferOrder['packages'][number],
    { works, sent }: { works: () => Promise<void>; sent: Sent },
  ): Promise<FailedPackage | undefined> {
    const { id, name, bytes, sha256 } = one;
    const about = {
      operation: 'data_transfer',
      subject: name,
      route: route.name,
      bytesTotal: bytes,
    } as const;
    const file = packageFile(origin, name);
    try {
      const begun = performance.now();
      const { bytesSent } = await whileBytesMove(
        dependencies,
        about,
        ({ signal, onProgress, heldBack }) => {
          const limit = dependencies.routeLimits.of(route.name, route.maxBytesPerSecond);
          const pace = async (length: number) => limit?.take(length, { signal, onWait: heldBack });
          return transport.send({ file, name: `${name}.tar`, bytes, sha256, signal, onProgress, pace });
        },
        works,
      );
      if (bytesSent > 0) {
        sent.bytes += bytesSent;
        sent.seconds += (performance.now() - begun) / 1000;
      }
      return undefined;
    } catch (error) {
      // Only what concerns this very package is its own failure; a wrong key or route concerns all.
      if (
        !(error instanceof CCATDataOperationError) ||
        error.retryable ||
        error.name === 'ConfigurationError'
      )
        throw error;
      return { packageId: id, name, errorClass: error.name, message: error.message };
    }
  }
}
