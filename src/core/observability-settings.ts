import { resolve } from 'node:path';
import type { Configuration } from './configuration.js';
import { ConfigurationError } from './exceptions.js';
import { notificationSettings } from './notifications/file.js';
import type { NotificationSettings } from './notifications/settings.js';
import { hostAndPort } from './utilities/host-and-port.js';
import type { Secret } from './utilities/secret.js';

/** Where metrics, notifications, health keys and logs of commands go to. All of it is optional but the last. */
export interface ObservabilitySettings {
  /** Where the metrics are served; port 0: any free one, told in the log. Undefined: nowhere. */
  metrics?: { host: string; port: number };
  influx?: { url: string; org: string; bucket: string; token: Secret };
  redis?: { url: Secret; healthType: string; healthName?: string };
  notifications: Omit<NotificationSettings, 'namespace'>;
  /** The directory of the logs of commands and transfers; absolute. */
  commandLogs: string;
}

/**
 * Where this process reports to, as the configuration tells; channels for people stand in the file that it names.
 *
 * @throws ConfigurationError where something is missing, or that file is wrong
 */
export function observabilitySettings(configuration: Configuration): ObservabilitySettings {
  const { values } = configuration;
  return {
    metrics: values['metrics.address'] === 'off' ? undefined : hostAndPort(values['metrics.address']),
    influx: influx(values),
    redis:
      values['redis.url'] === undefined
        ? undefined
        : {
            url: values['redis.url'],
            healthType: values['redis.health_type'],
            healthName: values['redis.health_name'],
          },
    notifications: notificationSettings(values['notifications.file'], configuration.asEnvironment()),
    commandLogs: resolve(values['log.commands'] ?? resolve(values.data_dir ?? '.cdt', 'logs', 'commands')),
  };
}

function influx(values: Configuration['values']): ObservabilitySettings['influx'] {
  const url = values['influx.url'];
  const token = values['influx.token'];
  if (url === undefined) return undefined;
  if (token === undefined)
    throw new ConfigurationError('influx.token: missing, and influx.url is set', {
      subject: 'influx.token',
      advice: 'set CCAT_DATA_TRANSFER_INFLUX_TOKEN or ..._INFLUX_TOKEN_FILE',
    });
  return { url, org: values['influx.org'], bucket: values['influx.bucket'], token };
}
