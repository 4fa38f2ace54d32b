import { proxyActivities } from '@temporalio/workflow';
import type { PackagingActivities } from '../activities/raw-data-package-creation.js';
import type { RawDataPackageCreationInput } from './journeys.js';
import { Journey } from './journey.js';
import { workAt } from './operations.js';

/** Makes one package from an instrument's files and records it. What follows is planned for the buffer as a whole. */
export async function rawDataPackageCreation(input: RawDataPackageCreationInput): Promise<void> {
  const { packageId, name, source } = input;
  const journey = new Journey({
    operation: 'raw_data_package_creation',
    subject: name,
    sourceLocationId: source.locationId,
  });
  const { createRawDataPackage, recordRawDataPackage } = proxyActivities<PackagingActivities>(
    workAt('raw_data_package_creation', source),
  );

  const made = await journey.step('reading the source once: writing the package and every digest', () =>
    createRawDataPackage({ packageId }),
  );
  if (!made.done) return journey.end(made.decision, [packageId]);

  // A worker from before 2026-12 leaves it to an activity of its own.
  if (made.result.recorded !== true) {
    const recorded = await journey.step('recording the package in the catalogue', () =>
      recordRawDataPackage({ packageId, bufferLocationId: made.result.bufferLocationId }),
    );
    if (!recorded.done) return journey.end(recorded.decision, [packageId]);
  }

  journey.complete(
    `packaged ${made.result.files} files, ${made.result.bytes} bytes` +
      (made.result.refused > 0 ? `; ${made.result.refused} left out, see \`cdt problems\`` : ''),
  );
}
