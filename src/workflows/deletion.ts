import { proxyActivities } from '@temporalio/workflow';
import type { ArchiveActivities } from '../activities/long-term-archive-transfer.js';
import type { CatalogueActivities } from '../activities/catalogue.js';
import type { DeletionActivities, DeletionOutcome } from '../activities/deletion.js';
import { Journey } from './journey.js';
import type { DeletionInput } from './journeys.js';
import { CATALOGUE, workAt } from './operations.js';

/**
 * Frees the copies of one package that its archive copies have made redundant.
 *
 * First every archive copy is challenged at its store, now; then each location re-checks the promise in the catalogue and
 * deletes what is its own. A copy that may not go is kept with its reason: that is an outcome, not a failure.
 */
export async function deletion(input: DeletionInput): Promise<{ outcomes: DeletionOutcome[] }> {
  const { packageId, name } = input;
  const journey = new Journey({ operation: 'deletion', subject: name });
  const { deletionOrder } = proxyActivities<CatalogueActivities>(CATALOGUE);

  const checked = await journey.step('asking every archive for its copy', async () => {
    const order = await deletionOrder({ packageId });
    if (order.targets.length > 0)
      await Promise.all(order.archives.map((archive) => challenge(packageId, archive)));
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
  journey.complete(freed.result.map(inWords).join('; ') || 'nothing to free');
  return { outcomes: freed.result };
}

function challenge(packageId: string, archive: { site: string; location: string }): Promise<void> {
  const { challengeArchiveCopy } = proxyActivities<ArchiveActivities>(
    workAt('long_term_archive_transfer', archive),
  );
  return challengeArchiveCopy({ packageId, archive });
}

function free(packageId: string, target: { site: string; location: string }): Promise<DeletionOutcome> {
  const { deleteCopies } = proxyActivities<DeletionActivities>(workAt('deletion', target));
  return deleteCopies({ packageId, place: target });
}

function inWords(outcome: DeletionOutcome): string {
  const kept = outcome.kept > 0 ? `, ${outcome.kept} kept: ${outcome.reasons.join(', ')}` : '';
  return `${outcome.place}: ${outcome.deleted} deleted${kept}`;
}
