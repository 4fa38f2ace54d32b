import { CCATDataOperationError } from './exceptions.js';
import { withoutSecrets } from './utilities/secret.js';

/** Keys whose values never reach a log, whatever they hold. */
const SECRET_KEYS =
  /passw(or)?d|passphrase|secret|token|credential|authorization|private_?key|access_?key|cookie/i;
/** Text that gives a secret away wherever it stands, and what is left of it. */
const SECRET_TEXT: [RegExp, string][] = [
  // Credentials inside a URL.
  [/(\w+:\/\/[^:/@\s]*:)[^@\s]+@/g, '$1***@'],
  // Headers, as HTTP clients print them.
  [/\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?)(?:(?:Bearer|Basic|Token)\s+)?[^\s"',;]+/gi, '$1***'],
  [/\b(Bearer\s+)[A-Za-z0-9._~+/=-]{8,}/g, '$1***'],
  // Signed requests to S3, in headers and in URLs.
  [/\b((?:X-Amz-)?(?:Signature|Credential|Security-Token)=)[^&\s,"']+/gi, '$1***'],
  // Settings of the form key=value, as in connection strings and command lines.
  [/\b((?:password|passwd|passphrase|secret|access_?token|api_?key)\s*[=:]\s*)[^\s&,;"']+/gi, '$1***'],
];
/** A private key in PEM. */
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** The text without anything that looks like a secret, or is a known one ({@link Secret}). */
export function redacted(text: string): string {
  const bare = withoutSecrets(text).replace(PRIVATE_KEY, '***');
  return SECRET_TEXT.reduce((left, [pattern, replacement]) => left.replace(pattern, replacement), bare);
}

/** Plain data for a log line: errors with their cause, no secrets. */
export function toPlain(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redacted(value);
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
