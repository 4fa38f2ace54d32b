import { DefaultLogger, Runtime, type LogEntry } from '@temporalio/worker';
import { toPlain, type Logger } from '../core/logging.js';

const LEVELS = { TRACE: 'debug', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Lets the SDK, its native core, workflows and activities log through the process's one logger. Call it before anything else of the SDK. */
export function installRuntime(logger: Logger): void {
  Runtime.install({
    logger: new DefaultLogger('DEBUG', (entry) => forward(logger, entry)),
    telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
  });
}

function forward(logger: Logger, { level, message, meta }: LogEntry): void {
  // The entry's own fields come last: a key of the metadata named `message` must not hide the message.
  const fields = { ...meta };
  delete fields['taskToken'];
  logger.log({ ...(toPlain(fields) as Record<string, unknown>), level: LEVELS[level], message });
}
