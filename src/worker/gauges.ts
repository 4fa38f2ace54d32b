import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Gauge } from 'prom-client';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Measurement } from '../core/database/catalogue/measurements.js';
import type { Location } from '../core/database/records.js';
import type { Logger } from '../core/logging.js';
import type { Metrics } from '../core/metrics.js';
import { rank, usedShare } from '../core/policy/disk-level.js';
import { parseTaskQueue, queuesOfLocation } from '../core/queue-discovery.js';

/** A number that is read again at the earliest after so long, however often it is scraped. */
const KEPT_MS = 30_000;
/** A scrape waits no longer than this for numbers; what comes later is there at the next one. */
const PATIENCE_MS = 5000;

/** Sets gauges before a scrape, once for all scrapes of half a minute. */
export class Gauges {
  private readAt = -Infinity;
  private reading: Promise<void> | undefined;

  constructor(
    private readonly read: () => Promise<void>,
    private readonly log: Logger,
  ) {}

  async refresh(): Promise<void> {
    if (this.reading === undefined && performance.now() - this.readAt < KEPT_MS) return;
    this.reading ??= this.read()
      .catch((error: unknown) => void this.log.warn('some metrics could not be read', { error }))
      .finally(() => {
        this.readAt = performance.now();
        this.reading = undefined;
      });
    await Promise.race([this.reading, sleep(PATIENCE_MS, undefined, { ref: false })]);
  }
}

/** What the catalogue and Temporal know of the whole installation: for the process beside them. */
export async function readInstallation(
  metrics: Metrics,
  catalogue: Catalogue,
  client: Client,
): Promise<void> {
  metrics.catalogueUp.set(0);
  const figures = await catalogue.figures();
  metrics.catalogueUp.set(1);
  fill(metrics.packages, figures.packages, ({ count, ...labels }) => [labels, count]);
  fill(metrics.openProblems, figures.problems, ({ count, ...labels }) => [labels, count]);
  const place = ({ site, location }: { site: string; location: string }) => ({ site, location });
  fill(metrics.waitingFiles, figures.waitingFiles, (one) => [place(one), one.count]);
  fill(metrics.waitingBytes, figures.waitingFiles, (one) => [place(one), one.bytes]);
  fill(metrics.oldestWaitingFile, figures.waitingFiles, (one) => [place(one), one.oldestAge]);
  fill(metrics.oldestUnarchived, figures.oldestUnarchived, (one) => [place(one), one.age]);
  fill(metrics.oldestVerified, figures.oldestVerified, (one) => [place(one), one.age]);
  const locations = await catalogue.locations();
  fillDisks(metrics, locations, await catalogue.liveness.measurements());
  fill(metrics.breakerState, await catalogue.liveness.breakers(), ({ kind, name, breaker }) => [
    { kind, name },
    OPENNESS[breaker.state],
  ]);
  await readQueues(metrics, locations, client);
}

/** How full disks are, as the `monitoring` operation found it at their site: what lies under an unmounted disk is none of them. */
function fillDisks(metrics: Metrics, locations: Location[], measured: Measurement[]): void {
  const disks = measured.flatMap((one) => {
    const location = locations.find(({ id, active }) => id === one.locationId && active);
    if (location === undefined) return [];
    const labels = { site: location.site, location: location.name, type: location.locationType };
    return [{ labels, ...one, usable: one.condition === 'usable' }];
  });
  const usable = disks.filter((one) => one.usable);
  fill(metrics.locationSize, usable, ({ labels, space }) => [labels, space.totalBytes]);
  fill(metrics.locationAvailable, usable, ({ labels, space }) => [labels, space.freeBytes]);
  fill(metrics.locationFill, usable, ({ labels, space }) => [labels, usedShare(space)]);
  fill(metrics.locationLevel, disks, (one) => [one.labels, one.usable ? rank(one.level) : -1]);
  fill(metrics.locationMeasured, disks, ({ labels, measuredAt }) => [
    labels,
    (Date.now() - Date.parse(measuredAt)) / 1000,
  ]);
}

const OPENNESS = { closed: 0, half_open: 0.5, open: 1 };

async function readQueues(metrics: Metrics, locations: Location[], client: Client): Promise<void> {
  const queues = locations.filter((one) => one.active).flatMap(queuesOfLocation);
  const found = [];
  // One after the other: a scrape is no reason to press the server.
  for (const name of queues) {
    const place = parseTaskQueue(name);
    if (place === undefined) continue;
    const { stats, pollers } = await client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name },
      taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
      reportStats: true,
    });
    const age = stats?.approximateBacklogAge;
    found.push({
      place,
      backlog: Number(stats?.approximateBacklogCount ?? 0),
      age: Number(age?.seconds ?? 0) + (age?.nanos ?? 0) / 1e9,
      pollers: pollers.length,
    });
  }
  fill(metrics.queueBacklog, found, (one) => [one.place, one.backlog]);
  fill(metrics.queueBacklogAge, found, (one) => [one.place, one.age]);
  fill(metrics.queuePollers, found, (one) => [one.place, one.pollers]);
}

/** Sets a gauge to these values and to no others. */
function fill<L extends string, T>(
  gauge: Gauge<L>,
  items: T[],
  valueOf: (item: T) => [Partial<Record<L, string>>, number],
): void {
  gauge.reset();
  for (const item of items) {
    const [labels, value] = valueOf(item);
    gauge.set(labels as Partial<Record<L, string | number>>, value);
  }
}
