import winston from 'winston';
import { CCATDataOperationError } from './exceptions.js';
import { printable } from './utilities/printable.js';

export type Logger = winston.Logger;

/** Keys whose values never reach a log, whatever they hold. */
const SECRET_KEYS = /password|secret|token|credential|authorization|privatekey/i;
/** Credentials inside a URL. */
const URL_CREDENTIALS = /(\w+:\/\/[^:/\s]+:)[^@\s]+@/g;

/** Plain data for a log line: errors with their cause, no secrets. */
export function toPlain(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(URL_CREDENTIALS, '$1***@');
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return value;
  if (depth > 6) return '…';
  if (value instanceof Error) return plainError(value, depth);
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => toPlain(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEYS.test(key) ? '***' : toPlain(item, depth + 1),
    ]),
  );
}

function plainError(error: Error, depth: number): Record<string, unknown> {
  return {
    name: error.name,
    message: toPlain(error.message),
    ...(error instanceof CCATDataOperationError
      ? { operation: error.operation, subject: error.subject, advice: error.advice, ...error.context }
      : { stack: toPlain(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: toPlain(error.cause, depth + 1) }),
  };
}

const redact = winston.format((info) => {
  const { level, message, timestamp, ...rest } = info;
  return Object.assign(info, toPlain(rest), { level, message: toPlain(message), timestamp });
});

const text = winston.format.printf(({ timestamp, level, message, ...rest }) => {
  const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
  return printable(`${String(timestamp)} ${level.padEnd(5)} ${String(message)}${more}`);
});

/** The process's logger: one line for each event, on standard error, as JSON or as text for a terminal. */
export function makeLogger(options: {
  level: string;
  format: 'json' | 'text';
  fields?: Record<string, string>;
}): Logger {
  const { format } = winston;
  return winston.createLogger({
    level: options.level,
    defaultMeta: options.fields ?? {},
    format: format.combine(format.timestamp(), redact(), options.format === 'json' ? format.json() : text),
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the type of winston's own transport
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  });
}
