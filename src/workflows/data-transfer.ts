import { ApplicationFailure } from '@temporalio/common';
import { executeChild, proxyActivities } from '@temporalio/workflow';
import type { CatalogueActivities, FailedPackage } from '../activities/catalogue.js';
import type { TransferActivities } from '../activities/data-transfer.js';
import type { dataTransferUnpacking } from './data-transfer-unpacking.js';
import { leftAloneInWords, type LeftAlone } from '../core/policy/breaker.js';
import { Journey } from './journey.js';
import { dataTransferJourney, dataTransferUnpackingJourney, type DataTransferInput } from './journeys.js';
import { leftAloneBy } from './left-alone.js';
import { CATALOGUE, RESEND_ROUNDS, workAt } from './operations.js';
import { startJourney } from './start.js';

/** Moves one bundle from a buffer to another and has it verified there. What arrived well goes on from there by itself. */
export async function dataTransfer(input: DataTransferInput): Promise<void> {
  const journey = new Journey({ operation: 'data_transfer', subject: input.name });
  let failed: FailedPackage[] = [];
  const moved = await journey.step(
    `sending to ${input.destination.site} and verifying there`,
    async (word) => {
      try {
        failed = await sendUntilGood(input, word);
      } catch (error) {
        const otherWay = await handOver(input, leftAloneBy(error));
        if (otherWay === undefined) throw error;
        return otherWay;
      }
      if (failed.length > 0) throw undelivered(failed);
      return undefined;
    },
  );
  if (!moved.done) {
    const { closeTransfer } = proxyActivities<CatalogueActivities>(CATALOGUE);
    const { action, by } = moved.decision;
    await closeTransfer({
      dataTransferId: input.dataTransferId,
      as: action === 'skip' ? 'left' : 'failed',
      reason: [
        `left out of the transfer by ${by}`,
        ...failed.map((one) => `${one.name}: ${one.message}`),
      ].join('; '),
    });
    return journey.end(moved.decision);
  }
  if (moved.result !== undefined) {
    journey.complete(moved.result);
    return;
  }
  journey.complete(`arrived at ${input.destination.site}, every digest as it was packaged`);
}

/** Hands what is left over to a new transfer, where its route is left alone and another way is open; answers with that in words. */
async function handOver(input: DataTransferInput, alone: LeftAlone | undefined): Promise<string | undefined> {
  if (alone === undefined) return undefined;
  const { rerouteTransfer } = proxyActivities<CatalogueActivities>(CATALOGUE);
  const reason = leftAloneInWords(alone);
  const other = await rerouteTransfer({ dataTransferId: input.dataTransferId, reason });
  if (other === undefined) return undefined;
  await startJourney(dataTransferJourney(other));
  return `handed over to ${other.name}, which goes another way: ${reason}`;
}

/** Sends, verifies, and sends again what arrived damaged. Returns what can't be delivered. */
async function sendUntilGood(
  input: DataTransferInput,
  { asked }: { asked: boolean },
): Promise<FailedPackage[]> {
  const { transferPackages } = proxyActivities<TransferActivities>(workAt('data_transfer', input.origin));
  const unpacking = dataTransferUnpackingJourney(input);
  for (let round = 1; ; round++) {
    const again = round > 1;
    const sent = await transferPackages({ dataTransferId: input.dataTransferId, asked, again });
    const verified = await executeChild<typeof dataTransferUnpacking>(unpacking.workflowType, {
      workflowId: unpacking.workflowId,
      taskQueue: unpacking.taskQueue,
      args: [{ ...input, sent: sent.sent }],
      typedSearchAttributes: unpacking.typedSearchAttributes,
      staticSummary: unpacking.staticSummary,
    });
    // What could not be read at the origin is told as such, not as missing at the destination.
    const unsent = new Set(sent.failed.map(({ packageId }) => packageId));
    const damaged = verified.damaged.filter(({ packageId }) => !unsent.has(packageId));
    if (damaged.length === 0 || round === RESEND_ROUNDS) return [...sent.failed, ...damaged];
  }
}

function undelivered(failed: FailedPackage[]): ApplicationFailure {
  return ApplicationFailure.create({
    type: failed[0]?.errorClass,
    message: failed.map(({ name, message }) => `${name}: ${message}`).join('; '),
    nonRetryable: true,
    details: [
      {
        advice:
          'Look at the buffers on both sides. retry sends these packages again; skip and abandon leave them out.',
      },
    ],
  });
}
