import type { EntityManager } from 'typeorm';
import type { PackageMember, RefusedEntry } from '../../package/package-result.js';
import type { RawDataPackageEntity } from '../entities/raw-data-package.js';
import { reportProblem, resolveProblemsOfSource } from './problems.js';
import { row } from './sql.js';

const OPERATION = 'raw_data_package_creation';
/** More refused entries of one package than this are told of in one problem, which keeps the list readable. */
const MOST_TOLD_ONE_BY_ONE = 20;

type Refusal = Exclude<RefusedEntry['kind'], 'changed'>;

const ERROR_CLASS: Record<Refusal, string> = {
  unreadable: 'PermanentError',
  vanished: 'PackageError',
  unsupported: 'PackageError',
};

const ADVICE: Record<Refusal, string> = {
  unreadable: 'make it readable for the user of the worker; it is taken up again by itself',
  vanished: 'put it back if it is still wanted; it is taken up again by itself',
  unsupported: 'move it out of the source, or replace it by a regular file',
};

/** Tells of entries that can't be packaged; those that merely changed are taken up again without a word. */
export async function reportRefusals(
  manager: EntityManager,
  of: RawDataPackageEntity,
  refused: RefusedEntry[],
): Promise<void> {
  const told = refused.flatMap((entry) => (entry.kind === 'changed' ? [] : [{ ...entry, kind: entry.kind }]));
  const [first] = told;
  if (first === undefined) return;
  const common = { operation: OPERATION, sourceLocationId: of.sourceLocationId };
  if (told.length > MOST_TOLD_ONE_BY_ONE) {
    const message = `${told.length} entries can't be packaged; the first is ${first.path}: ${first.reason}`;
    await reportProblem(manager, {
      ...common,
      errorClass: ERROR_CLASS[first.kind],
      subject: unitSubject(of),
      message,
      advice: ADVICE[first.kind],
    });
    return;
  }
  for (const { path, kind, reason } of told) {
    await reportProblem(manager, {
      ...common,
      errorClass: ERROR_CLASS[kind],
      subject: path,
      message: reason,
      advice: ADVICE[kind],
    });
  }
}

/** Closes what was told of entries that are packaged now. */
export async function resolveRefusals(
  manager: EntityManager,
  of: RawDataPackageEntity,
  members: PackageMember[],
): Promise<void> {
  const subjects = members.map((member) => member.path);
  const left = await row(
    manager,
    `select id from raw_data_file
     where source_location_id = $1 and state = 'refused' and executed_obs_unit_id = $2 and instrument_module_id = $3 limit 1`,
    [of.sourceLocationId, of.executedObsUnitId, of.instrumentModuleId],
  );
  if (left === undefined) subjects.push(unitSubject(of));
  await resolveProblemsOfSource(manager, OPERATION, of.sourceLocationId, subjects);
}

function unitSubject(of: RawDataPackageEntity): string {
  return `${of.executedObsUnit.name} (${of.instrumentModule.name})`;
}
