import { ActivityFailure, ApplicationFailure, patched, proxyActivities } from '@temporalio/workflow';
import type { ArchiveActivities } from '../activities/long-term-archive-transfer.js';
import type { CatalogueActivities } from '../activities/catalogue.js';
import type { DeletionActivities, DeletionOutcome } from '../activities/deletion.js';
import { Journey } from './journey.js';
import type { DeletionInput, Place } from './journeys.js';
import { CATALOGUE, workAt } from './operations.js';

/**
 * Frees what is due of one package's copies that its archive copies have made redundant.
 *
 * Its planner scheduled what may go, within the budgets. For what is due, every archive copy is challenged at its store, now; then
 * each location re-checks the promise in the catalogue and deletes what is its own. A copy that may not go is kept with its
 * reason, and an archive copy that fails its challenge counts for nothing: both are outcomes, not failures.
 */
export async function deletion(input: DeletionInput): Promise<{ outcomes: DeletionOutcome[] }> {
  const { packageId, name } = input;
  const journey = new Journey({ operation: 'deletion', subject: name });
  const { deletionOrder } = proxyActivities<CatalogueActivities>(CATALOGUE);
  // Before, an archive copy that failed its challenge stopped the deletion until an operator decided. Whoever is told its order is new enough.
  const failuresCount = input.order !== undefined || patched('failed-challenges-count-for-nothing-2026-11');
  let { order: found } = input;

  const checked = await journey.step('asking every archive for its copy', async ({ asked }) => {
    // What was found is good for the first look: later something else may be due.
    const order = found ?? (await deletionOrder({ packageId }));
    found = undefined;
    if (order.targets.length > 0)
      await Promise.all(
        order.archives.map((archive) =>
          failuresCount ? challengeOrDoubt(packageId, archive, asked) : challenge(packageId, archive, asked),
        ),
      );
    return order;
  });
  if (!checked.done) {
    await journey.end(checked.decision);
    return { outcomes: [] };
  }

  const freed = await journey.step('freeing the copies that the archive has made redundant', () =>
    Promise.all(checked.result.targets.map((target) => free(packageId, target))),
  );
  if (!freed.done) {
    await journey.end(freed.decision);
    return { outcomes: [] };
  }
  journey.complete(freed.result.map(inWords).join('; ') || 'nothing is due to be freed');
  return { outcomes: freed.result };
}

function challenge(packageId: string, archive: Place, asked: boolean): Promise<void> {
  const { challengeArchiveCopy } = proxyActivities<ArchiveActivities>(
    workAt('long_term_archive_transfer', archive),
  );
  return challengeArchiveCopy({ packageId, archive, asked });
}

/** Errors that say what a challenge found; the activity has recorded and told it. */
const FOUND_WANTING = ['ArchiveCorruptionError', 'ChecksumVerificationError'];

async function challengeOrDoubt(packageId: string, archive: Place, asked: boolean): Promise<void> {
  try {
    await challenge(packageId, archive, asked);
  } catch (error) {
    const cause = error instanceof ActivityFailure ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure) || !FOUND_WANTING.includes(cause.type ?? '')) throw error;
  }
}

function free(packageId: string, target: Place): Promise<DeletionOutcome> {
  const { deleteCopies } = proxyActivities<DeletionActivities>(workAt('deletion', target));
  return deleteCopies({ packageId, place: target });
}

function inWords(outcome: DeletionOutcome): string {
  const kept = outcome.kept > 0 ? `, ${outcome.kept} kept: ${outcome.reasons.join(', ')}` : '';
  return `${outcome.place}: ${outcome.deleted} deleted${kept}`;
}
