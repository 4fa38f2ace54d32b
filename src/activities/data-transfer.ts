import { CCATDataOperationError } from '../core/exceptions.js';
import type { FailedPackage } from './catalogue.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove } from './liveness.js';
import { packageFile } from './places.js';

export type TransferActivities = ReturnType<typeof makeTransferActivities>;

export function makeTransferActivities(dependencies: Dependencies) {
  return {
    /**
     * Sends every package of a bundle to the destination. What is there already is passed over; what was interrupted
     * goes on where the destination's partial file ends. A package that can't be sent for good does not stop the others.
     */
    async transferPackages(input: { dataTransferId: string }): Promise<{ failed: FailedPackage[] }> {
      const order = await whileBusy(() => dependencies.catalogue.transferOrder(input.dataTransferId));
      const transport = dependencies.transport(order.route, order.destination);
      const failed: FailedPackage[] = [];
      try {
        // An earlier round delivered the others; they may be archived by now, and gone from both buffers.
        for (const one of order.packages.filter(({ pending }) => pending)) {
          const about = {
            operation: 'data_transfer',
            subject: one.name,
            route: order.route.name,
            bytesTotal: one.bytes,
          } as const;
          const file = packageFile(order.origin, one.name);
          try {
            await whileBytesMove(dependencies, about, (options) =>
              transport.send({
                file,
                name: `${one.name}.tar`,
                bytes: one.bytes,
                sha256: one.sha256,
                ...options,
              }),
            );
          } catch (error) {
            // Only what concerns this very package is its own failure; a wrong key or route concerns all.
            if (
              !(error instanceof CCATDataOperationError) ||
              error.retryable ||
              error.name === 'ConfigurationError'
            )
              throw error;
            failed.push({
              packageId: one.id,
              name: one.name,
              errorClass: error.name,
              message: error.message,
            });
          }
        }
      } finally {
        await transport.close();
      }
      return { failed };
    },
  };
}
