import {
  CCATDataOperationError,
  ConfigurationError,
  DatabaseError,
  DatabaseOperationError,
  PermanentError,
  type ErrorDetails,
} from '../exceptions.js';

type Kind = 'unavailable' | 'again' | 'misconfigured' | 'refused';

/** SQLSTATE codes, and their first two characters where a whole class means the same. */
const BY_SQLSTATE: Record<string, Kind> = {
  '08': 'unavailable', // connection exceptions
  '25006': 'unavailable', // read-only: a standby answered in the middle of a fail-over
  '25P03': 'unavailable', // idle in a transaction for too long
  '53': 'unavailable', // disk full, out of memory, too many connections
  '57P': 'unavailable', // shut down, crashed, starting
  '58': 'unavailable', // I/O error of the server
  '40': 'again', // serialization failure, deadlock
  '55P03': 'again', // a lock was not to be had
  '57014': 'again', // a statement took too long
  '28': 'misconfigured', // wrong user or password
  '3D000': 'misconfigured', // no such database
  '42501': 'misconfigured', // not allowed
  '42P01': 'misconfigured', // no such table: not migrated
  '42703': 'misconfigured', // no such column: not migrated
  '22P05': 'misconfigured', // the database can't hold every character: it is not UTF-8
};

const ADVICE: Partial<Record<Kind, string>> = {
  unavailable: 'check that the PostgreSQL server of the catalogue runs and can be reached',
  misconfigured:
    "check the URL of the catalogue's database, its user's rights, its encoding (UTF8), and that it was migrated",
};

/** Of the driver, which gives these failures of connections no code. */
const CONNECTION_WORDS =
  /connection|timeout|terminated|not queryable|query runner already released|driver.*(closed|released|not connected)/i;

/** Turns what the database driver throws into a class of `exceptions.ts`; one of ours is handed back as it is. */
export function classifyDatabaseError(thrown: unknown): CCATDataOperationError {
  if (thrown instanceof CCATDataOperationError) return thrown;
  // The wrapper of the mapper holds the statement's parameters, which are too much for a log.
  const cause = driverError(thrown);
  const message = cause instanceof Error ? cause.message || cause.name : String(cause);
  const code = codeOf(cause);
  const kind = kindOf(code, message);
  const details: ErrorDetails = {
    subject: 'catalogue',
    cause,
    advice: ADVICE[kind],
    context: { code: code ?? null },
  };
  const text = `the catalogue failed: ${message || code || 'no reason given'}`;
  switch (kind) {
    case 'unavailable':
      return new DatabaseError(text, details);
    case 'again':
      return new DatabaseOperationError(text, details);
    case 'misconfigured':
      return new ConfigurationError(text, details);
    case 'refused':
      return new PermanentError(text, details);
  }
}

function kindOf(code: string | undefined, message: string): Kind {
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code)) {
    return BY_SQLSTATE[code] ?? BY_SQLSTATE[code.slice(0, 3)] ?? BY_SQLSTATE[code.slice(0, 2)] ?? 'refused';
  }
  if (code !== undefined && /^E[A-Z]+$/.test(code)) return 'unavailable';
  return CONNECTION_WORDS.test(message) ? 'unavailable' : 'refused';
}

function driverError(thrown: unknown): unknown {
  return thrown instanceof Error && 'driverError' in thrown ? thrown.driverError : thrown;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
