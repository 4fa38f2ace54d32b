import { proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { AuditRecordActivities } from '../activities/audit-records.js';
import { archiveAuditJourney, archiveRepairJourney, type Place } from './journeys.js';
import { CATALOGUE } from './operations.js';
import { startJourney } from './start.js';

/** Starts the audit of an archive where copies are due, and the repair of each damaged copy that nobody repairs. */
export async function auditPlanning(input: { archive: Place }): Promise<{ planned: number }> {
  const { archive } = input;
  const { planAudit } = proxyActivities<AuditRecordActivities>(CATALOGUE);

  const askedBefore = workflowInfo().startTime.toISOString();
  const { due, repairs } = await planAudit({ archive, askedBefore, everything: false, limit: 1 });
  const journeys = [
    ...repairs.map((one) => archiveRepairJourney({ ...one, archive })),
    ...(due.length > 0 ? [archiveAuditJourney({ archive })] : []),
  ];
  await Promise.all(journeys.map(startJourney));
  setCurrentDetails(
    `${repairs.length} repairs under way; ${due.length > 0 ? 'copies are due' : 'no copy is due'}`,
  );
  return { planned: journeys.length };
}
