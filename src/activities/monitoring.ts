import { activityInfo } from '@temporalio/activity';
import type { Location } from '../core/database/records.js';
import { diskRulesAt } from '../core/disk-rules.js';
import type { DiskCondition } from '../core/policy/buffer-space.js';
import { rank, type DiskLevel } from '../core/policy/disk-level.js';
import { whatChanged } from '../core/policy/disk-notices.js';
import { measureDisk } from '../core/storage/measure-disk.js';
import { removeAbandoned } from '../core/transport/partial-files.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy } from './liveness.js';
import { diskPath } from './places.js';

/** A partial file that was not written to for so long is of something that goes another way; longer than any outage should be. */
const ABANDONED_MS = 14 * 86_400_000;

/** What a round of measuring found, as the workflow shows it. */
export interface MonitoringFacts {
  /** Absent where the directory was never used yet, and is made at its first use. */
  condition?: DiskCondition;
  reason?: string;
  level?: DiskLevel;
  totalBytes: number;
  freeBytes: number;
}

export type MonitoringActivities = ReturnType<typeof makeMonitoringActivities>;

export function makeMonitoringActivities(dependencies: Dependencies) {
  const { catalogue, settings, notifications, log } = dependencies;
  return {
    /** Measures the disk of a location, records it, and tells people when its level or its condition is another one. */
    async measureLocation(input: { site: string; location: string }): Promise<MonitoringFacts> {
      return whileBusy(async () => {
        const location = await catalogue.location(input.site, input.location);
        const { markedAt } = await catalogue.marks.of(location.id);
        const measuredAt = new Date().toISOString();
        const found = await measureDisk(location, diskPath(location), markedAt !== undefined);
        if (found === undefined) return { totalBytes: 0, freeBytes: 0 };
        const { before, now } = await catalogue.liveness.recordMeasurement(
          location.id,
          { ...found, measuredAt },
          {
            rules: await diskRulesAt(settings, location),
            rateWindowSeconds: 60 * (await settings.get('monitoring.rate_minutes', input)),
          },
        );
        const { workflowId } = activityInfo().workflowExecution ?? {};
        for (const notice of whatChanged(location, before, now))
          await notifications.tell({ ...notice, workflowId });
        if (eases(before, now)) await wakeWriters(location.site);
        if (location.locationType === 'buffer' && found.condition === 'usable') await sweep(location);
        const { condition, reason, level, space } = now;
        return { condition, reason, level, totalBytes: space.totalBytes, freeBytes: space.freeBytes };
      });
    },
  };

  /** What was sent half and then went another way would lie there for ever. */
  async function sweep(location: Location): Promise<void> {
    for (const name of await removeAbandoned(diskPath(location), Date.now() - ABANDONED_MS))
      log.info('removed a partial file that nobody went on with', { subject: location.name, name });
  }

  /** What waited for room on a disk need not wait for the next look. */
  async function wakeWriters(site: string): Promise<void> {
    const [locations, routes] = [await catalogue.locations(), await catalogue.routes()];
    const origins = new Set(
      routes.filter((one) => one.active && one.destination === site).map((one) => one.origin),
    );
    for (const one of locations.filter(({ active }) => active)) {
      const place = { site: one.site, location: one.name };
      if (one.locationType === 'source' && one.site === site)
        await dependencies.wakePlanner('raw_data_package_creation', place);
      if (one.locationType === 'buffer' && origins.has(one.site))
        await dependencies.wakePlanner('data_transfer_package_creation', place);
    }
  }
}

interface Known {
  condition: DiskCondition;
  level: DiskLevel;
}

/** Whether a disk takes more than it did. */
function eases(before: Known | undefined, now: Known): boolean {
  if (before === undefined || now.condition !== 'usable') return false;
  return before.condition !== 'usable' || rank(now.level) < rank(before.level);
}
