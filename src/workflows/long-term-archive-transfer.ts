import { proxyActivities } from '@temporalio/workflow';
import type { ArchiveActivities } from '../activities/long-term-archive-transfer.js';
import type { CatalogueActivities } from '../activities/catalogue.js';
import { CATALOGUE_QUEUE, taskQueue } from '../core/queue-discovery.js';
import { Journey } from './journey.js';
import { deletionJourney, type LongTermArchiveTransferInput } from './journeys.js';
import { POLICIES } from './operations.js';
import { startJourney } from './start.js';

/** Puts one package into one archive, reads it back in full, and only then calls it archived. */
export async function longTermArchiveTransfer(input: LongTermArchiveTransferInput): Promise<void> {
  const { packageId, name, archive } = input;
  const journey = new Journey({ operation: 'long_term_archive_transfer', subject: name });
  const { archivePackage } = proxyActivities<ArchiveActivities>({
    ...POLICIES.archive,
    taskQueue: taskQueue(archive.site, archive.location, 'long_term_archive_transfer'),
  });
  const { recordArchived } = proxyActivities<CatalogueActivities>({
    ...POLICIES.catalogue,
    taskQueue: CATALOGUE_QUEUE,
  });

  const stored = await journey.step(`storing in ${archive.site}.${archive.location} and reading back`, () =>
    archivePackage({ packageId, archive }),
  );
  if (!stored.done) return journey.end(stored.decision, [packageId]);

  const recorded = await journey.step('recording the archive copy', () =>
    recordArchived({ packageId, archive, stored: stored.result }),
  );
  if (!recorded.done) return journey.end(recorded.decision, [packageId]);

  await startJourney(deletionJourney({ packageId, name, observation: input.observation }));
  journey.complete(`archived as ${stored.result.key}, read back and equal`);
}
