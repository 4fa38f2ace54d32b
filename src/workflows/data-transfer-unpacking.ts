import { ApplicationFailure } from '@temporalio/common';
import { proxyActivities } from '@temporalio/workflow';
import type { CatalogueActivities, FailedPackage, Sent } from '../activities/catalogue.js';
import type { UnpackingActivities } from '../activities/data-transfer-unpacking.js';
import { Journey } from './journey.js';
import { longTermArchiveTransferJourney, type DataTransferInput } from './journeys.js';
import { CATALOGUE, workAt } from './operations.js';
import { startRest } from './start.js';

/**
 * Reads a bundle back from the destination's disk: each package as a whole and each file in it, against the digests of the
 * first read. Good packages go on to the archives at once; damaged ones are for the sender to send again.
 */
export async function dataTransferUnpacking(
  input: DataTransferInput & { sent?: Sent },
): Promise<{ damaged: FailedPackage[] }> {
  const { dataTransferId, destination } = input;
  const journey = new Journey({ operation: 'data_transfer_unpacking', subject: input.name });
  const { verifyPackages } = proxyActivities<UnpackingActivities>(
    workAt('data_transfer_unpacking', destination),
  );
  const { recordArrival } = proxyActivities<CatalogueActivities>(CATALOGUE);

  const verified = await journey.step('reading back from disk what arrived, and recording it', async () => {
    const read = await verifyPackages({ dataTransferId });
    const next = await recordArrival({
      dataTransferId,
      arrived: read.arrived,
      failed: [],
      sent: input.sent,
    });
    await startRest(next, longTermArchiveTransferJourney);
    return read;
  });
  if (!verified.done) {
    await journey.end(verified.decision);
    throw ApplicationFailure.nonRetryable(
      `${input.name} was left unverified by ${verified.decision.by}`,
      'Skipped',
    );
  }
  const { arrived, damaged } = verified.result;
  journey.complete(
    `${arrived.length} packages verified${damaged.length > 0 ? `, ${damaged.length} damaged` : ''}`,
  );
  return { damaged };
}
