import { lstat } from 'node:fs/promises';
import type { DeletionRequest } from '../core/database/catalogue/deletion-begin.js';
import type { Location, PhysicalCopy } from '../core/database/records.js';
import { deletionRulesAt } from '../core/deletion-rules.js';
import { resultPath } from '../core/package/create-package.js';
import { deleteSourceEntries } from '../core/package/delete-source.js';
import type { AuditHead } from '../core/policy/audit-chain.js';
import type { DeletionRules } from '../core/policy/deletion.js';
import type { Reason } from '../core/policy/reason.js';
import { differsFrom } from '../core/storage/challenge.js';
import { removeIfPresent, syncDirectory } from '../core/utilities/disk.js';
import { fileStatus, isSameFile } from '../core/utilities/same-file.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy } from './liveness.js';
import { requireDisk } from './marked-disk.js';
import { diskPath, fileAt } from './places.js';

export interface DeletionOutcome {
  /** `site.location` */
  place: string;
  deleted: number;
  kept: number;
  /** Why something was kept; the first few. */
  reasons: string[];
  /** The end of the audit log's chain when its evidence was sealed: an anchor for whoever checks the chain later. */
  sealed?: AuditHead;
}

export type DeletionActivities = ReturnType<typeof makeDeletionActivities>;

const REASONS = 5;

export function makeDeletionActivities(dependencies: Dependencies) {
  const { catalogue, settings, metrics } = dependencies;

  return {
    /**
     * Frees what is due of a package at one location: the files at a source, the tar in a buffer. The promise is checked here, at
     * this moment; without enough archive copies that answered a challenge just now nothing goes, and the reasons are the outcome.
     */
    async deleteCopies(input: {
      packageId: string;
      place: { site: string; location: string };
    }): Promise<DeletionOutcome> {
      return whileBusy(async (signal) => {
        const location = await catalogue.location(input.place.site, input.place.location);
        const { rules } = await deletionRulesAt(settings, location);
        const outcome: DeletionOutcome = {
          place: `${location.site}.${location.name}`,
          deleted: 0,
          kept: 0,
          reasons: [],
        };
        const { sourceFiles, copies } = await catalogue.deletions.dueAt(input.packageId, location);
        if (sourceFiles) await deleteFromSource(input.packageId, location, rules, outcome, signal);
        for (const copy of copies) await deleteCopy(copy, rules, outcome);
        return outcome;
      });
    },
  };

  async function deleteCopy(
    copy: PhysicalCopy,
    rules: DeletionRules,
    outcome: DeletionOutcome,
  ): Promise<void> {
    const { id: targetId, packageId, location } = copy;
    const file = fileAt(location, copy.path);
    const requireSameDisk = await requireDisk(catalogue, location, 'deletion');
    const before = await fileStatus(file, 'deletion');
    let comparedRanges = 0;
    if (before !== undefined) {
      const compared = await compare(file, copy);
      if ('wrong' in compared) {
        await refuse(copy, compared.wrong, outcome);
        return;
      }
      comparedRanges = compared.ranges;
    }
    if (!(await decide({ packageId, targetId, rules, comparedRanges }, 1, outcome))) return;
    // What came to this place since was not looked at: another attempt may have been faster, and the copy may be there anew.
    if (!isSameFile(before, await fileStatus(file, 'deletion'))) {
      await refuse(copy, `the file was replaced while its deletion was decided`, outcome);
      return;
    }
    await removeIfPresent(file);
    await removeIfPresent(resultPath(file));
    await syncDirectory(diskPath(location));
    await requireSameDisk();
    await catalogue.deletions.recordCopyDeleted(targetId);
    freed(location, 'copy', 1, copy.bytes, outcome);
  }

  /** The last looks, with the evidence sealed between them: not a byte goes before it is in the chain. What is refused is told. */
  async function decide(request: DeletionRequest, count: number, outcome: DeletionOutcome): Promise<boolean> {
    const answer = await catalogue.deletions.begin(request);
    if (!answer.begun) return keep(outcome, count, answer.reasons);
    outcome.sealed = await catalogue.auditLog.seal();
    const still = await catalogue.deletions.confirm(request);
    return still.begun || keep(outcome, count, still.reasons);
  }

  /** Compares the copy that is about to go with what the archives just gave. */
  async function compare(file: string, copy: PhysicalCopy): Promise<{ ranges: number } | { wrong: string }> {
    const { size } = await lstat(file);
    if (size !== copy.bytes) return { wrong: `the file has ${size} bytes instead of ${copy.bytes}` };
    let ranges = 0;
    for (const challenge of await catalogue.deletions.challengedRanges(copy.packageId)) {
      const wrong = await differsFrom(file, challenge.ranges);
      if (wrong !== undefined) return { wrong: `${wrong} (${challenge.place})` };
      ranges += challenge.ranges.length;
    }
    return { ranges };
  }

  /** What differs from the archives is kept until somebody has looked: one of them is wrong. */
  async function refuse(copy: PhysicalCopy, words: string, outcome: DeletionOutcome): Promise<void> {
    const reasons: Reason[] = [{ code: 'differs_from_archive', words }];
    await catalogue.deletions.refuse(copy.packageId, copy.id, reasons);
    await catalogue.reportProblem({
      errorClass: 'DeletionError',
      operation: 'deletion',
      subject: `${outcome.place} ${copy.path}`,
      message: `it was kept: ${words}`,
      advice: 'Compare the file with its SHA-256 and with the archives; `cdt explain` tells both.',
    });
    keep(outcome, 1, reasons);
  }

  async function deleteFromSource(
    packageId: string,
    source: Location,
    rules: DeletionRules,
    outcome: DeletionOutcome,
    signal: AbortSignal,
  ): Promise<void> {
    const members = await catalogue.sourceFilesToDelete(packageId);
    const request = { packageId, targetId: packageId, rules };
    if (!(await decide(request, members.length, outcome))) return;
    const { deleted, kept } = await deleteSourceEntries(diskPath(source), members, { signal });
    await catalogue.recordSourceFilesDeleted(packageId, deleted, kept);
    const gone = new Set(deleted);
    const bytes = members.reduce((sum, one) => sum + (gone.has(one.path) ? one.size : 0), 0);
    freed(source, 'source_files', deleted.length, bytes, outcome);
    keep(
      outcome,
      kept.length,
      kept.map((one) => ({ code: 'kept_at_source', words: `${one.path}: ${one.reason}` })),
    );
  }

  function freed(
    { site, name }: Location,
    kind: 'copy' | 'source_files',
    count: number,
    bytes: number,
    outcome: DeletionOutcome,
  ): void {
    outcome.deleted += count;
    metrics.deletedCopies.inc({ site, location: name, kind }, count);
    metrics.deletedBytes.inc({ site, location: name, kind }, bytes);
  }

  /** Answers false: it does not go. */
  function keep(outcome: DeletionOutcome, count: number, reasons: readonly Reason[]): false {
    const [site, location] = outcome.place.split('.');
    for (const reason of new Set(reasons.map(({ code }) => code)))
      metrics.deletionsRefused.inc({ site, location, reason });
    outcome.kept += count;
    outcome.reasons.push(...reasons.slice(0, REASONS - outcome.reasons.length).map(({ words }) => words));
    return false;
  }
}
