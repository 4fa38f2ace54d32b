import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker';
import type { Logger } from '../core/logging.js';
import { toPlain } from '../core/redaction.js';
import { freePort } from './metrics-server.js';

const LEVELS = { TRACE: 'debug', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
/** Between the look for a free port and its use somebody else may take it. */
const PORT_TRIES = 5;

/**
 * Lets the SDK, its native core, workflows and activities log through the process's one logger, and count in Prometheus' units. Call it before
 * anything else of the SDK.
 *
 * @param options.metrics labels of all of the SDK's metrics; none are exported where absent
 * @returns where the SDK's metrics are, `host:port` on loopback
 */
export async function installRuntime(
  logger: Logger,
  options: { metrics?: Record<string, string> } = {},
): Promise<string | undefined> {
  const common = {
    // Signals are `serviceShutdown`'s: Workers come and go, and a second signal must end at once.
    shutdownSignals: [],
    logger: new DefaultLogger('DEBUG', (entry) => forward(logger, entry)),
  };
  const logging = { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } as const;
  if (options.metrics === undefined) {
    Runtime.install({ ...common, telemetryOptions: { logging } });
    return undefined;
  }
  for (let tries = 1; ; tries++) {
    const bindAddress = `127.0.0.1:${await freePort()}`;
    const prometheus = {
      bindAddress,
      countersTotalSuffix: true,
      unitSuffix: true,
      useSecondsForDurations: true,
    };
    try {
      Runtime.install({
        ...common,
        telemetryOptions: { logging, metrics: { prometheus, globalTags: options.metrics } },
      });
      return bindAddress;
    } catch (error) {
      if (tries === PORT_TRIES) throw error;
    }
  }
}

function forward(logger: Logger, { level, message, meta }: LogEntry): void {
  // The entry's own fields come last: a key of the metadata named `message` must not hide the message.
  const fields = { ...meta };
  delete fields['taskToken'];
  logger.log({ ...(toPlain(fields) as Record<string, unknown>), level: LEVELS[level], message });
}
