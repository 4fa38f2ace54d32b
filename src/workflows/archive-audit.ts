import {
  ActivityFailure,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { AuditActivities } from '../activities/audit.js';
import type { AuditRecordActivities } from '../activities/audit-records.js';
import { leftAloneInWords } from '../core/policy/breaker.js';
import { archiveRepairJourney, type ArchiveAuditInput, type AuditTotals } from './journeys.js';
import { leftAloneBy } from './left-alone.js';
import { CATALOGUE, workAt } from './operations.js';
import { startJourney } from './start.js';

/** Copies read in one run of the workflow; the rest go on in a new run with a fresh history. */
const BATCH = 50;
/** After so many copies in a row that could not be read the store is at fault, and left alone until the next time. */
const MOST_UNANSWERED = 3;

/**
 * Reads the copies of an archive again, one after the other, the one that was read longest ago first. Damage starts a repair and does
 * not stop the reading.
 */
export async function archiveAudit(input: ArchiveAuditInput): Promise<AuditTotals> {
  const { archive, everything = false } = input;
  const { planAudit, recordSound, recordDamage, recordUnanswered } =
    proxyActivities<AuditRecordActivities>(CATALOGUE);
  const { auditCopy } = proxyActivities<AuditActivities>(workAt('audit', archive));

  const askedBefore = input.askedBefore ?? workflowInfo().startTime.toISOString();
  const totals: AuditTotals = input.totals ?? { sound: 0, damaged: 0, unanswered: 0, sidecars: 0 };
  const { due } = await planAudit({ archive, askedBefore, everything, limit: BATCH });
  let inARow = 0;
  for (const { copyId, name, observation } of due) {
    setCurrentDetails(`**Now:** reading ${name} again\n\n${inWords(totals)}`);
    try {
      const found = await auditCopy({ copyId });
      inARow = 0;
      if (found.sound === true) {
        await recordSound({ copyId, name, archive, at: found.at, ranges: found.ranges });
        totals.sound += 1;
        if (found.sidecarRewritten) totals.sidecars += 1;
      } else if (found.sound === false) {
        const { repair } = await recordDamage({ copyId, name, archive, damage: found.damage });
        totals.damaged += 1;
        if (repair) await startJourney(archiveRepairJourney({ copyId, name, observation, archive }));
      }
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      const alone = leftAloneBy(error);
      if (alone !== undefined) {
        totals.endedEarly = leftAloneInWords(alone);
        break;
      }
      await recordUnanswered({ copyId, name, archive, reason: error.cause?.message ?? error.message });
      totals.unanswered += 1;
      inARow += 1;
      if (inARow >= MOST_UNANSWERED) {
        totals.endedEarly = `${inARow} copies in a row could not be read`;
        break;
      }
    }
  }
  if (due.length === BATCH && totals.endedEarly === undefined)
    await continueAsNew<typeof archiveAudit>({ archive, everything, askedBefore, totals });
  const ended = totals.endedEarly === undefined ? '' : `\n\nIt ended early: ${totals.endedEarly}`;
  setCurrentDetails(`**${inWords(totals)}**${ended}`);
  return totals;
}

function inWords({ sound, damaged, unanswered, sidecars }: AuditTotals): string {
  return `${sound} copies read and sound, ${damaged} damaged, ${unanswered} not answered for, ${sidecars} sidecars written anew`;
}
