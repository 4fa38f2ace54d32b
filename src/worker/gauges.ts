import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Gauge } from 'prom-client';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Location } from '../core/database/records.js';
import type { Logger } from '../core/logging.js';
import type { Metrics } from '../core/metrics.js';
import { parseTaskQueue, queuesOfLocation } from '../core/queue-discovery.js';
import { freeSpace } from '../core/utilities/disk.js';

/** A number that is read again at the earliest after so long, however often it is scraped. */
const KEPT_MS = 30_000;
/** A scrape waits no longer than this for numbers; what comes later is there at the next one. */
const PATIENCE_MS = 5000;
/** A disk that hangs (a dead NFS server) must not hold a scrape for ever. */
const DISK_MS = 2000;

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

/** The disks that this process's site has, as it sees them. */
export async function readDisks(metrics: Metrics, catalogue: Catalogue, site: string): Promise<void> {
  const disks = (await catalogue.locations(site)).filter((one) => one.active && one.path !== undefined);
  const sizes = await Promise.all(disks.map((one) => sizeOf(one)));
  for (const gauge of [metrics.locationSize, metrics.locationAvailable, metrics.locationFill]) gauge.reset();
  for (const found of sizes) {
    if (found === undefined) continue;
    metrics.locationSize.set(found.labels, found.size);
    metrics.locationAvailable.set(found.labels, found.available);
    metrics.locationFill.set(found.labels, found.size === 0 ? 0 : 1 - found.available / found.size);
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
  await readQueues(metrics, await catalogue.locations(), client);
}

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

async function sizeOf(location: Location) {
  if (location.path === undefined) return undefined;
  const labels = { site: location.site, location: location.name, type: location.locationType };
  try {
    const found = await Promise.race([freeSpace(location.path), sleep(DISK_MS, undefined, { ref: false })]);
    if (found === undefined) return undefined;
    return { labels, size: found.total, available: found.free };
  } catch {
    // Not there yet, or not on this host: no value is the answer.
    return undefined;
  }
}
