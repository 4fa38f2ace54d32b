import type { EntityManager } from 'typeorm';
import { PermanentError } from '../../exceptions.js';
import type { Status } from '../../states.js';
import { printable } from '../../utilities/printable.js';
import { uniqueId } from '../../utilities/unique-id.js';
import { audit } from './audit.js';
import { asUuid, lock, row, rows } from './sql.js';

/** Which execution is meant: by the instrument's UUID, by its source and name there, or by both. */
export interface ExecutionKey {
  uuid?: string;
  sourceLocationId?: string;
  /** Path text of its folder at the source. */
  name?: string;
}

export interface Started extends ExecutionKey {
  /** ISO 8601; now where absent. */
  at?: string;
  /** What was planned. */
  obsUnitId?: string;
}

export interface Finished extends ExecutionKey {
  /** ISO 8601; now where absent. */
  at?: string;
  outcome: 'completed' | 'failed';
}

/** One execution, with what is known of its files and packages. Times are ISO 8601. */
export interface Execution {
  id: string;
  uuid?: string;
  name: string;
  site: string;
  location: string;
  status: Status;
  obsUnitId?: string;
  startedAt?: string;
  finishedAt?: string;
  /** Entries that wait to be packaged. */
  waitingFiles: number;
  packages: number;
  archivedPackages: number;
}

interface ExecutionRow {
  id: string;
  sourceLocationId: string;
  name: string;
  uuid: string | null;
  obsUnitId: string | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  status: Status;
}

const COLUMNS = `id, source_location_id as "sourceLocationId", name, instrument_uuid as uuid, obs_unit_id as "obsUnitId",
  started_at as "startedAt", finished_at as "finishedAt", status`;

export async function startExecution(manager: EntityManager, told: Started): Promise<string> {
  const found = await ensureExecution(manager, told);
  if (told.obsUnitId !== undefined && found.obsUnitId !== null && found.obsUnitId !== told.obsUnitId)
    throw contradiction(found, `it was said to execute ${found.obsUnitId}`);
  assertSameTime(found, found.startedAt, told.at, 'started');
  if (found.startedAt !== null && (told.obsUnitId === undefined || found.obsUnitId !== null)) return found.id;
  assertOrder(found, told.at, found.finishedAt);
  await rows(
    manager,
    `update executed_obs_unit set obs_unit_id = coalesce(obs_unit_id, $2), started_at = coalesce(started_at, $3, least(now(), finished_at)),
       status = case status when 'pending' then 'in_progress' else status end
     where id = $1`,
    [found.id, told.obsUnitId ?? null, told.at ?? null],
  );
  await audit(manager, 'execution_started', subject(found), { name: found.name, at: told.at ?? null });
  return found.id;
}

export async function finishExecution(manager: EntityManager, told: Finished): Promise<string> {
  const found = await ensureExecution(manager, told);
  assertSameTime(found, found.finishedAt, told.at, 'finished');
  if (found.finishedAt !== null) {
    if (found.status !== told.outcome) throw contradiction(found, `it was said to have ${found.status}`);
    return found.id;
  }
  assertOrder(found, found.startedAt?.toISOString(), told.at === undefined ? null : new Date(told.at));
  await rows(
    manager,
    `update executed_obs_unit set finished_at = coalesce($2, greatest(now(), started_at)), status = $3 where id = $1`,
    [found.id, told.at ?? null, told.outcome],
  );
  const facts = { name: found.name, outcome: told.outcome, at: told.at ?? null };
  await audit(manager, 'execution_finished', subject(found), facts);
  return found.id;
}

/** The latest first: those that are told of by when they began or ended, others by when files of them were first seen. */
export async function listExecutions(
  manager: EntityManager,
  which: { sourceLocationId?: string; status?: Status; limit: number },
): Promise<Execution[]> {
  // Only what is asked for stands in the statement, so that each way of asking has its index.
  const { sourceLocationId, status, limit } = which;
  const given = [
    ...(sourceLocationId === undefined ? [] : [{ column: 'source_location_id', value: sourceLocationId }]),
    ...(status === undefined ? [] : [{ column: 'status', value: status }]),
  ];
  const conditions = given.map(({ column }, index) => `e.${column} = $${index + 2}`).join(' and ');
  return await executions(
    manager,
    `${conditions === '' ? '' : `where ${conditions} `}order by e.id desc limit $1`,
    [limit, ...given.map(({ value }) => value)],
  );
}

/** By id, by the instrument's UUID or by name, which several sources may use. */
export async function findExecutions(manager: EntityManager, word: string): Promise<Execution[]> {
  return await executions(
    manager,
    'where e.name = $1 or e.id = $2 or e.instrument_uuid = $2 order by e.id desc limit 50',
    [word, asUuid(word)],
  );
}

async function executions(
  manager: EntityManager,
  which: string,
  parameters: unknown[],
): Promise<Execution[]> {
  const found = await rows<FoundExecution>(
    manager,
    `with chosen as (select e.* from executed_obs_unit e ${which})
     select e.id, e.instrument_uuid as uuid, e.name, s.short_name as site, l.name as location, e.status,
       e.obs_unit_id as "obsUnitId", e.started_at as "startedAt", e.finished_at as "finishedAt",
       (select count(*)::integer from raw_data_file f where f.source_location_id = e.source_location_id
         and f.executed_obs_unit_id = e.id and f.state = 'registered' and f.raw_data_package_id is null) as "waitingFiles",
       (select count(*)::integer from raw_data_package p where p.executed_obs_unit_id = e.id) as packages,
       (select count(*)::integer from raw_data_package p where p.executed_obs_unit_id = e.id and p.state = 'archived') as "archivedPackages"
     from chosen e join data_location l on l.id = e.source_location_id join site s on s.id = l.site_id order by e.id desc`,
    parameters,
  );
  return found.map(({ uuid, obsUnitId, startedAt, finishedAt, ...one }) => ({
    ...one,
    uuid: uuid ?? undefined,
    obsUnitId: obsUnitId ?? undefined,
    startedAt: startedAt?.toISOString(),
    finishedAt: finishedAt?.toISOString(),
  }));
}

type FoundExecution = Omit<Execution, 'uuid' | 'obsUnitId' | 'startedAt' | 'finishedAt'> &
  Pick<ExecutionRow, 'uuid' | 'obsUnitId' | 'startedAt' | 'finishedAt'>;

/** The row that is meant, held until this transaction is over; a new one where the key names a source and a name. */
async function ensureExecution(manager: EntityManager, key: ExecutionKey): Promise<ExecutionRow> {
  const { uuid, sourceLocationId, name } = key;
  // Two calls that tell of one execution in two ways must not both make a row.
  if (uuid !== undefined) await lock(manager, `execution ${uuid}`);
  const byUuid =
    uuid === undefined
      ? undefined
      : await row<ExecutionRow>(
          manager,
          `select ${COLUMNS} from executed_obs_unit where instrument_uuid = $1 or id = $1 order by instrument_uuid nulls last limit 1 for update`,
          [uuid],
        );
  if (byUuid !== undefined) {
    if (name !== undefined && (byUuid.name !== name || byUuid.sourceLocationId !== sourceLocationId))
      throw contradiction(byUuid, `${uuid} is another execution`);
    return byUuid;
  }
  if (sourceLocationId === undefined || name === undefined)
    throw new PermanentError(`no execution is known as ${uuid ?? 'this'}`, {
      subject: uuid,
      advice: 'name its source and its folder there as well',
    });
  return await ensureNamed(manager, sourceLocationId, name, uuid);
}

async function ensureNamed(
  manager: EntityManager,
  sourceLocationId: string,
  name: string,
  uuid: string | undefined,
): Promise<ExecutionRow> {
  await rows(
    manager,
    `insert into executed_obs_unit (id, source_location_id, name, instrument_uuid) values ($1, $2, $3, $4) on conflict do nothing`,
    [uniqueId(), sourceLocationId, name, uuid ?? null],
  );
  const named = await row<ExecutionRow>(
    manager,
    `select ${COLUMNS} from executed_obs_unit where source_location_id = $1 and name = $2 for update`,
    [sourceLocationId, name],
  );
  if (named === undefined) throw new PermanentError('an execution vanished', { subject: name });
  if (uuid === undefined || named.uuid === uuid) return named;
  if (named.uuid !== null) throw contradiction(named, `its name belongs to ${named.uuid}`);
  await rows(manager, 'update executed_obs_unit set instrument_uuid = $2 where id = $1', [named.id, uuid]);
  return { ...named, uuid };
}

/** Told again is told the same. */
function assertSameTime(
  found: ExecutionRow,
  known: Date | null,
  at: string | undefined,
  what: 'started' | 'finished',
): void {
  if (known === null || at === undefined || known.getTime() === Date.parse(at)) return;
  throw contradiction(found, `it was said to have ${what} at ${known.toISOString()}`);
}

function assertOrder(found: ExecutionRow, startedAt: string | undefined, finishedAt: Date | null): void {
  if (startedAt === undefined || finishedAt === null || Date.parse(startedAt) <= finishedAt.getTime()) return;
  throw contradiction(found, `it would end at ${finishedAt.toISOString()}, before it began at ${startedAt}`);
}

function contradiction(found: ExecutionRow, why: string): PermanentError {
  const name = printable(found.name);
  return new PermanentError(`this contradicts what is known of ${name}: ${why}`, {
    subject: name,
    advice: '`cdt observation show` tells what is known; give each execution a folder of its own',
  });
}

function subject({ id }: ExecutionRow): { table: string; id: string } {
  return { table: 'executed_obs_unit', id };
}
