import { ApplicationFailure, isCancellation, proxyActivities } from '@temporalio/workflow';
import type { AuditActivities } from '../activities/audit.js';
import type { AuditRecordActivities } from '../activities/audit-records.js';
import { Journey } from './journey.js';
import type { ArchiveRepairInput } from './journeys.js';
import { CATALOGUE, workAt } from './operations.js';

/** Puts a damaged archive copy anew from the best copy there is; from the next one where that is damaged or out of reach. */
export async function archiveRepair(input: ArchiveRepairInput): Promise<void> {
  const { copyId, name, archive } = input;
  const journey = new Journey({ operation: 'audit', subject: name });
  const { repairSources, recordRepaired } = proxyActivities<AuditRecordActivities>(CATALOGUE);
  const { repairCopy } = proxyActivities<AuditActivities>(workAt('audit', archive));

  const repaired = await journey.step(
    `repairing the copy in ${archive.site}.${archive.location}`,
    async () => {
      const sources = await repairSources({ copyId });
      if (sources === undefined) return 'it is sound again';
      let failure: unknown;
      for (const source of sources) {
        try {
          const stored = await repairCopy({ copyId, sourceCopyId: source.copyId });
          await recordRepaired({ copyId, name, archive, source, stored });
          return `put anew from ${source.place} as ${stored.key}, read back and equal`;
        } catch (error) {
          if (isCancellation(error)) throw error;
          failure = error;
        }
      }
      throw failure instanceof Error ? failure : noGoodCopy(name);
    },
  );
  if (!repaired.done) return journey.end(repaired.decision);
  journey.complete(repaired.result);
}

function noGoodCopy(name: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'ArchiveCorruptionError',
    message: `no other copy of ${name} is known to repair it from`,
    nonRetryable: true,
    details: [
      {
        advice:
          'Nothing of the package is deleted meanwhile. Bring a good copy back into a buffer or an archive, then retry.',
      },
    ],
  });
}
