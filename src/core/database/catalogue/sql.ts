import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';

/** Runs a statement and returns its rows: of a select, or of what follows `returning`. */
export async function rows<T>(
  manager: EntityManager,
  statement: string,
  parameters: unknown[] = [],
): Promise<T[]> {
  const answer: unknown = await manager.query(statement, parameters);
  return (isChange(answer) ? answer[0] : answer) as T[];
}

/** The first row, if there is one. */
export async function row<T>(
  manager: EntityManager,
  statement: string,
  parameters: unknown[] = [],
): Promise<T | undefined> {
  return (await rows<T>(manager, statement, parameters))[0];
}

/** Runs an update or delete and returns how many rows it changed. */
export async function changed(
  manager: EntityManager,
  statement: string,
  parameters: unknown[] = [],
): Promise<number> {
  const answer: unknown = await manager.query(statement, parameters);
  return isChange(answer) ? answer[1] : 0;
}

/** Makes everybody who names the same thing wait until this transaction is over. */
export async function lock(manager: EntityManager, name: string): Promise<void> {
  await manager.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [name]);
}

/** What indexes hold in place of a text that can be too long for them: 128 bits of its SHA-256, hex. */
export function textHash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 32);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A word as an identifier, where it is one: a column is compared with it as what it is, and found by its index. */
export function asUuid(word: string): string | null {
  return UUID.test(word) ? word : null;
}

/** Rows that one statement changes, so that a package of any number of files stays far below the time that a statement may take. */
const AT_ONCE = 5000;

/** The items in portions, each for one statement. */
export function portions<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, index) =>
    items.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
}

/** One array for each column, as `unnest` takes them. */
export function columns<T>(items: readonly T[], keys: readonly (keyof T)[]): unknown[][] {
  return keys.map((key) => items.map((item) => item[key]));
}

/** A row as the server gives it: what is absent is null. */
export type Nullable<T> = { [K in keyof T]: T[K] | null };

/** Columns that are null are left out. */
export function withoutNulls<T extends object>(one: Nullable<T>): T {
  return Object.fromEntries(Object.entries(one).filter(([, value]) => value !== null)) as T;
}

/** Columns that are null are left out, times are told as ISO 8601. */
export function withTimes(one: object, times: Record<string, Date | null>): object {
  const told = Object.entries(times).map(([key, time]) => [key, time?.toISOString()] as const);
  return Object.fromEntries(
    [...Object.entries(one), ...told].filter(([, value]) => value !== null && value !== undefined),
  );
}

/** The mapper tells an update from a query by the shape of the answer: rows and their number. */
function isChange(answer: unknown): answer is [unknown[], number] {
  return Array.isArray(answer) && Array.isArray(answer[0]) && typeof answer[1] === 'number';
}
