import { hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import type { Catalogue } from '../core/database/catalogue.js';
import { HealthKeys } from '../core/health-keys.js';
import { InfluxWriter } from '../core/influx.js';
import type { Logger } from '../core/logging.js';
import { Metrics } from '../core/metrics.js';
import { NotificationService, type Notifications } from '../core/notification-service.js';
import { NotificationDelivery } from '../core/notifications/delivery.js';
import { makeChannel } from '../core/notifications/make-channel.js';
import type { ObservabilitySettings } from '../core/observability-settings.js';
import { Gauges, readInstallation } from './gauges.js';
import { serveMetrics } from './metrics-server.js';
import { installRuntime } from './temporal-logging.js';

/** What a worker process tells of itself: metrics, notifications, health keys. */
export interface Observability {
  metrics: Metrics;
  influx: InfluxWriter | undefined;
  notifications: Notifications;
  /** Closes all of it; what is not told yet is told by the next process. */
  close(): Promise<void>;
}

/**
 * Installs the SDK's runtime with its logs and metrics. Before anything else of the SDK.
 *
 * @returns where the SDK's own metrics are
 */
export function observeRuntime(
  settings: ObservabilitySettings,
  site: string,
  log: Logger,
): Promise<string | undefined> {
  return installRuntime(log, settings.metrics === undefined ? {} : { metrics: { site } });
}

/**
 * Starts what a worker tells of itself.
 *
 * @param options.delivers whether this process, beside the catalogue, tells people what the catalogue holds for them and counts for the whole installation
 */
export async function startObservability(
  settings: ObservabilitySettings,
  options: {
    catalogue: Catalogue;
    client: Client;
    namespace: string;
    site: string;
    log: Logger;
    delivers: boolean;
    sdkMetrics: string | undefined;
    /** Whether Temporal can be reached, so that work gets on. */
    progresses: () => Promise<boolean>;
  },
): Promise<Observability> {
  const { catalogue, client, namespace, site, log, delivers, sdkMetrics, progresses } = options;
  const metrics = new Metrics({ processMetrics: true });
  const channels = settings.notifications.channels.map(makeChannel);
  const gauges = delivers ? new Gauges(() => readInstallation(metrics, catalogue, client), log) : undefined;
  const server =
    settings.metrics === undefined
      ? undefined
      : await serveMetrics(
          settings.metrics,
          metrics.registry,
          sdkMetrics,
          log,
          () => gauges?.refresh() ?? Promise.resolve(),
        );
  const influx = settings.influx === undefined ? undefined : new InfluxWriter(settings.influx, log, metrics);
  const delivery = delivers
    ? new NotificationDelivery(catalogue, channels, { ...settings.notifications, namespace }, log, metrics)
    : undefined;
  const notifications = new NotificationService(catalogue.notifications, log, () => delivery?.wake());
  const { redis } = settings;
  const health =
    redis === undefined
      ? undefined
      : new HealthKeys({
          url: redis.url,
          type: redis.healthType,
          name: redis.healthName ?? site,
          instance: `${redis.healthName ?? site}-${hostname()}-${process.pid}`,
          progresses,
          log,
        });
  return {
    metrics,
    influx,
    notifications,
    close: async () => {
      await notifications.close();
      await delivery?.close();
      await health?.close();
      await influx?.close();
      await server?.close();
    },
  };
}
