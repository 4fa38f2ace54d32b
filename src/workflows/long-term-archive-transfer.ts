import { proxyActivities } from '@temporalio/workflow';
import type { ArchiveActivities } from '../activities/long-term-archive-transfer.js';
import type { CatalogueActivities } from '../activities/catalogue.js';
import { Journey } from './journey.js';
import { deletionJourney, type LongTermArchiveTransferInput } from './journeys.js';
import { CATALOGUE, workAt } from './operations.js';
import { startJourney } from './start.js';

/** Puts one package into one archive, reads it back in full, and only then calls it archived. */
export async function longTermArchiveTransfer(input: LongTermArchiveTransferInput): Promise<void> {
  const { packageId, name, archive } = input;
  const journey = new Journey({ operation: 'long_term_archive_transfer', subject: name });
  const { archivePackage } = proxyActivities<ArchiveActivities>(
    workAt('long_term_archive_transfer', archive),
  );
  const { recordArchived } = proxyActivities<CatalogueActivities>(CATALOGUE);

  const stored = await journey.step(
    `storing in ${archive.site}.${archive.location}, reading back and recording it`,
    ({ asked }) => archivePackage({ packageId, archive, asked }),
  );
  if (!stored.done) return journey.end(stored.decision, [packageId]);

  // A worker from before 2026-12 leaves it to an activity of its own.
  if (stored.result.recorded !== true) {
    const recorded = await journey.step('recording the archive copy', () =>
      recordArchived({ packageId, archive, stored: stored.result }),
    );
    if (!recorded.done) return journey.end(recorded.decision, [packageId]);
    // Before that it told no planner either.
    if (recorded.result?.deletionAsked !== true)
      await startJourney(deletionJourney({ packageId, name, observation: input.observation }));
  }

  journey.complete(`archived as ${stored.result.key}, read back and equal`);
}
