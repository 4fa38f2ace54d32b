import winston from 'winston';
import { workContext } from './decorators.js';
import { toPlain } from './redaction.js';
import { printable } from './utilities/printable.js';

export type Logger = winston.Logger;

const redact = winston.format((info) => {
  const { level, message, timestamp, ...rest } = info;
  return Object.assign(info, toPlain(rest), { level, message: toPlain(message), timestamp });
});

const text = winston.format.printf(({ timestamp, level, message, ...rest }) => {
  const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
  return printable(`${String(timestamp)} ${level.padEnd(5)} ${String(message)}${more}`);
});

/** How to write where nobody says how: for people on a terminal, for machines elsewhere. */
export function formatFor(stream: { isTTY?: boolean }): 'json' | 'text' {
  return stream.isTTY === true ? 'text' : 'json';
}

/**
 * The process's logger: one line for each event, on standard error, as JSON or as text for a terminal. Lines of an activity carry
 * its identifiers ({@link workContext}), whoever writes them.
 */
export function makeLogger(options: {
  level: string;
  format: 'json' | 'text';
  fields?: Record<string, string>;
}): Logger {
  const { format } = winston;
  const logger = winston.createLogger({
    level: options.level,
    format: format.combine(format.timestamp(), redact(), options.format === 'json' ? format.json() : text),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the type of winston's own transport
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  });
  // Read at each line, in the context of whoever writes it.
  Object.defineProperty(logger, 'defaultMeta', {
    get: () => ({ ...options.fields, ...workContext()?.fields }),
  });
  return logger;
}
