import type { EntityManager } from 'typeorm';
import { DeletionError } from '../../exceptions.js';
import type { CountedCopy } from '../../policy/archive-evidence.js';
import { mayGo, type DeletionFacts, type DeletionRules, type DeletionTarget } from '../../policy/deletion.js';
import { inWords, type Reason } from '../../policy/reason.js';
import { audit } from './audit.js';
import { lookAt } from './deletion-facts.js';
import { putOff } from './deletion-queue.js';
import { lockForDeletion, subjectOf } from './deletion-schedule.js';
import { changed, rows } from './sql.js';

/** What is to be deleted, of which package, by which rules. */
export interface DeletionRequest {
  packageId: string;
  /** A copy's ID; the package's own for its files at the source. */
  targetId: string;
  rules: DeletionRules;
  /** Ranges of the archives' objects that were compared with what is about to go, and were equal. */
  comparedRanges?: number;
}

export type DeletionAnswer = { begun: true; counted: CountedCopy[] } | { begun: false; reasons: Reason[] };

/**
 * The last look, in one transaction with the mark that bytes may go from now on: the rows that the answer rests on are locked, so that
 * a hold or a doubt comes before it or after it, never in between. What was begun before, by an attempt that died, is looked at anew.
 */
export async function beginDeletion(
  manager: EntityManager,
  request: DeletionRequest,
): Promise<DeletionAnswer> {
  const { facts, target, counted, reasons } = await look(manager, request);
  if (reasons.length > 0) return { begun: false, reasons };
  await mark(manager, target);
  await audit(manager, 'deletion_begun', subjectOf(target), evidenceOf(facts, target, request, counted));
  return { begun: true, counted };
}

/**
 * Once more, when the evidence of a deletion that was begun is sealed and its bytes are about to go: what was found or said since,
 * by an audit or by an operator, still counts.
 */
export async function confirmDeletion(
  manager: EntityManager,
  request: DeletionRequest,
): Promise<DeletionAnswer> {
  const { counted, reasons } = await look(manager, request);
  return reasons.length === 0 ? { begun: true, counted } : { begun: false, reasons };
}

/** Whether it may go at this moment. What may not is marked so, in the same transaction. */
async function look(
  manager: EntityManager,
  { packageId, targetId, rules }: DeletionRequest,
): Promise<{ facts: DeletionFacts; target: DeletionTarget; counted: CountedCopy[]; reasons: Reason[] }> {
  await lockForDeletion(manager, [packageId]);
  const {
    facts: [facts],
    now,
  } = await lookAt(manager, [packageId]);
  const target = facts?.targets.find((one) => one.id === targetId);
  if (facts === undefined || target === undefined)
    throw new DeletionError(`nothing of the package is to be deleted under ${targetId}`, {
      operation: 'deletion',
      subject: targetId,
    });
  const { reasons, counted } = mayGo(target, facts, rules, now, 'delete');
  if (reasons.length > 0) await refuse(manager, facts, target, reasons, now);
  return { facts, target, counted, reasons };
}

async function mark(manager: EntityManager, target: DeletionTarget): Promise<void> {
  if (target.kind === 'copy')
    await rows(
      manager,
      `update physical_copy set state = 'deletion_in_progress', delete_after = null where id = $1 and state = 'deletion_scheduled'`,
      [target.id],
    );
  else
    await rows(
      manager,
      'update package_deletion set source_begun_at = clock_timestamp(), source_delete_after = null where raw_data_package_id = $1',
      [target.id],
    );
}

/** What was begun and must not go on now is marked so: it is scheduled anew once it may go. */
async function refuse(
  manager: EntityManager,
  facts: DeletionFacts,
  target: DeletionTarget,
  reasons: Reason[],
  now: Date,
): Promise<void> {
  const undone =
    target.kind === 'copy'
      ? await changed(
          manager,
          `update physical_copy set state = case state when 'deletion_in_progress' then 'deletion_failed' else 'present' end, delete_after = null
           where id = $1 and state in ('deletion_scheduled', 'deletion_in_progress')`,
          [target.id],
        )
      : await changed(
          manager,
          `update package_deletion set source_begun_at = null, source_delete_after = null
           where raw_data_package_id = $1 and (source_begun_at is not null or source_delete_after is not null)`,
          [target.id],
        );
  await putOff(manager, facts.package.id, reasons, now);
  if (undone > 0)
    await audit(manager, 'deletion_refused', subjectOf(target), {
      package: facts.package.name,
      reasons: reasons.map(({ code, words }) => ({ code, words })),
    });
}

/** What the audit log keeps as the reason why these bytes could go. */
function evidenceOf(
  facts: DeletionFacts,
  target: DeletionTarget,
  { rules, comparedRanges }: DeletionRequest,
  counted: CountedCopy[],
) {
  const { location } = target;
  const { name, sha256 = '', bytes = 0 } = facts.package;
  return {
    package: name,
    location: `${location.site}.${location.name}`,
    what: target.kind,
    bytes: target.bytes,
    packageBytes: bytes,
    sha256,
    comparedRanges: comparedRanges ?? 0,
    required: rules.requiredCopies,
    verificationAgeSeconds: rules.maxVerificationAgeSeconds,
    counted: counted.map((one) => ({
      copyId: one.copyId,
      place: one.place,
      failureDomain: one.failureDomain,
      path: one.path,
      versionId: one.versionId ?? null,
      verifiedAt: one.verifiedAt ?? null,
      challenge: one.challenge === undefined ? null : { ...one.challenge },
    })),
  };
}

/** Something other than the catalogue's facts speaks against a deletion: its object differs, its disk is away. */
export async function refuseDeletion(
  manager: EntityManager,
  packageId: string,
  targetId: string,
  reasons: Reason[],
): Promise<void> {
  await lockForDeletion(manager, [packageId]);
  const {
    facts: [facts],
    now,
  } = await lookAt(manager, [packageId]);
  const target = facts?.targets.find((one) => one.id === targetId);
  if (facts === undefined || target === undefined || target.state === 'deleted')
    throw new DeletionError(`${inWords(reasons)}, but there is nothing to refuse`, { subject: targetId });
  await refuse(manager, facts, target, reasons, now);
}
