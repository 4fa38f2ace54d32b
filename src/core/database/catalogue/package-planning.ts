import type { EntityManager } from 'typeorm';
import { groupEntries, type GroupLimits } from '../../policy/grouping.js';
import { packageName } from '../../utilities/naming.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { PlannedPackage } from '../records.js';
import { audit } from './audit.js';
import { packageSummaries } from './packages.js';
import type { DiskPolicy } from './measurements.js';
import { Buffers } from './packaging-buffers.js';
import { lock, portions, row, rows } from './sql.js';
import { recordVerdict } from './verdicts.js';

export interface PackagingPlan extends GroupLimits {
  sourceLocationId: string;
  bufferLocationId: string;
  waitSeconds: number;
  /** An execution whose start was told and whose end was not is taken for over when nothing new came for so long. */
  executionQuietSeconds: number;
  /** Most packages in the answer. */
  limit: number;
  /** How disks are judged. Without it, `bufferLocationId` takes everything. */
  disks?: DiskPolicy;
  /** Under which its verdict is kept. */
  plannerId?: string;
}

/** Files of one observation unit and one module that can be packaged now. */
interface Candidate {
  unitId: string;
  unit: string;
  moduleId: string;
  module: string;
}

/** The part of a plan that is told again, whichever: a journey that was lost is taken up so. */
const TOLD_AGAIN = 0.2;

/** Entries read at a time while grouping, so that a unit of a million files does not fill the memory. */
const PAGE = 20_000;

export async function planRawDataPackages(
  manager: EntityManager,
  plan: PackagingPlan,
): Promise<PlannedPackage[]> {
  await lock(manager, `source ${plan.sourceLocationId}`);
  const buffers = await Buffers.of(manager, plan);
  await buffers.leaveDead();
  // Few of the answer are old: packages that can't be made for now must not keep new ones from being planned.
  const old = await rows<{ id: string }>(
    manager,
    `select id from raw_data_package where source_location_id = $1 and state = 'creating' order by random() limit $2`,
    [plan.sourceLocationId, Math.ceil(plan.limit * TOLD_AGAIN)],
  );
  const fresh: string[] = [];
  for (const candidate of await candidates(manager, plan, plan.limit - old.length)) {
    fresh.push(
      ...(await planCandidate(manager, plan, candidate, buffers, plan.limit - old.length - fresh.length)),
    );
    if (old.length + fresh.length >= plan.limit || buffers.reasons.length > 0) break;
  }
  if (plan.plannerId !== undefined)
    await recordVerdict(manager, plan.plannerId, fresh.length, buffers.reasons);
  const summaries = await packageSummaries(manager, [...old.map(({ id }) => id), ...fresh]);
  return summaries.map((summary) => ({ ...summary, fresh: fresh.includes(summary.id) }));
}

async function candidates(manager: EntityManager, plan: PackagingPlan, limit: number): Promise<Candidate[]> {
  // A file that was not seen still for so long is not waited for: it is gone, or packaging tells what is wrong with it.
  return await rows(
    manager,
    `with waiting as (
       select executed_obs_unit_id as unit, instrument_module_id as module, quiet, seen_at,
         quiet or seen_at <= now() - make_interval(secs => $2) as ready
       from raw_data_file where source_location_id = $1 and state = 'registered' and raw_data_package_id is null
     ), due as (
       select unit from waiting join executed_obs_unit e on e.id = unit group by unit, e.status
       having case e.status
         when 'in_progress' then max(seen_at) filter (where ready) <= now() - make_interval(secs => $4)
         else bool_and(ready) or min(seen_at) filter (where quiet) <= now() - make_interval(secs => $2) end
     )
     select u.id as "unitId", u.name as unit, m.id as "moduleId", m.name as module
     from waiting join due on due.unit = waiting.unit
     join executed_obs_unit u on u.id = waiting.unit join instrument_module m on m.id = waiting.module
     where ready group by u.id, m.id order by min(seen_at), u.name, m.name limit $3`,
    [plan.sourceLocationId, plan.waitSeconds, limit, plan.executionQuietSeconds],
  );
}

/** Plans the packages of one unit and module, `limit` at most; what is left over is planned next time. */
async function planCandidate(
  manager: EntityManager,
  plan: PackagingPlan,
  candidate: Candidate,
  buffers: Buffers,
  limit: number,
): Promise<string[]> {
  const { unitId, moduleId } = candidate;
  const last = await row<{ part: number }>(
    manager,
    'select max(part) as part from raw_data_package where executed_obs_unit_id = $1 and instrument_module_id = $2',
    [unitId, moduleId],
  );
  const planned: string[] = [];
  for await (const group of groups(manager, plan, candidate)) {
    const bufferId = buffers.take(group.reduce((sum, file) => sum + file.size, 0));
    if (bufferId === undefined) break;
    planned.push(
      await insertPackage(manager, plan, candidate, bufferId, (last?.part ?? 0) + planned.length + 1, group),
    );
    if (planned.length >= limit) break;
  }
  return planned;
}

interface WaitingFile {
  id: string;
  size: number;
  isFile: boolean;
}

/** The ready files of a candidate in the byte order of their paths, cut into groups. */
async function* groups(
  manager: EntityManager,
  plan: PackagingPlan,
  candidate: Candidate,
): AsyncGenerator<WaitingFile[]> {
  await manager.query(
    `declare waiting_files no scroll cursor for
     select id, size::float8 as size, kind = 'file' as "isFile" from raw_data_file
     where source_location_id = $1 and executed_obs_unit_id = $2 and instrument_module_id = $3 and state = 'registered'
       and raw_data_package_id is null and (quiet or seen_at <= now() - make_interval(secs => $4))
     order by path collate "C"`,
    [plan.sourceLocationId, candidate.unitId, candidate.moduleId, plan.waitSeconds],
  );
  try {
    let open: WaitingFile[] = [];
    for (;;) {
      const page = await rows<WaitingFile>(manager, `fetch ${PAGE} from waiting_files`);
      const cut = groupEntries([...open, ...page], plan);
      if (page.length < PAGE) return yield* cut;
      // The last group may go on in the next page.
      open = cut.pop() ?? [];
      yield* cut;
    }
  } finally {
    await manager.query('close waiting_files');
  }
}

async function insertPackage(
  manager: EntityManager,
  plan: PackagingPlan,
  candidate: Candidate,
  bufferLocationId: string,
  part: number,
  files: WaitingFile[],
): Promise<string> {
  const id = uniqueId();
  const name = packageName({ executedObsUnit: candidate.unit, instrumentModule: candidate.module, part, id });
  const fileCount = files.filter((file) => file.isFile).length;
  const payloadBytes = files.reduce((sum, file) => sum + file.size, 0);
  await rows(
    manager,
    `insert into raw_data_package (id, name, source_location_id, buffer_location_id, executed_obs_unit_id, instrument_module_id, part,
       state, file_count, payload_bytes, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, 'creating', $8, $9, clock_timestamp())`,
    [
      id,
      name,
      plan.sourceLocationId,
      bufferLocationId,
      candidate.unitId,
      candidate.moduleId,
      part,
      fileCount,
      payloadBytes,
    ],
  );
  for (const some of portions(files))
    await rows(manager, 'update raw_data_file set raw_data_package_id = $1 where id = any($2::uuid[])', [
      id,
      some.map((file) => file.id),
    ]);
  await audit(
    manager,
    'package_planned',
    { table: 'raw_data_package', id },
    { name, entries: files.length, payloadBytes },
  );
  return id;
}
