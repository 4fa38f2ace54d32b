import { activityInfo } from '@temporalio/activity';
import { diskRulesAt } from '../core/disk-rules.js';
import type { DiskCondition } from '../core/policy/buffer-space.js';
import { rank, type DiskLevel } from '../core/policy/disk-level.js';
import { whatChanged } from '../core/policy/disk-notices.js';
import { measureDisk } from '../core/storage/measure-disk.js';
import type { Dependencies } from './dependencies.js';
import { removeLeftOvers } from './left-overs.js';
import { whileBusy } from './liveness.js';
import { diskPath } from './places.js';

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
  const { catalogue, settings, notifications } = dependencies;
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
        if (location.locationType !== 'source' && found.condition === 'usable')
          await removeLeftOvers(dependencies, location);
        const { condition, reason, level, space } = now;
        return { condition, reason, level, totalBytes: space.totalBytes, freeBytes: space.freeBytes };
      });
    },
  };

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
