import type { Location } from '../core/database/records.js';
import { finishedResult, resultPath } from '../core/package/create-package.js';
import { oldPackages } from '../core/package/old-packages.js';
import { removeAbandoned } from '../core/transport/partial-files.js';
import { removeIfPresent, syncDirectory } from '../core/utilities/disk.js';
import { fileStatus, isSameFile } from '../core/utilities/same-file.js';
import type { Dependencies } from './dependencies.js';
import { requireDisk } from './marked-disk.js';
import { diskPath, packageFile } from './places.js';

/** What was not written to for so long is of something that goes another way; longer than any outage should be. */
const LEFT_MS = 14 * 86_400_000;
const OPERATION = 'left_overs';

/**
 * Removes from the disk of a location that is ours what would lie there for ever: parts of files that nobody goes on with, and packages in a buffer that were
 * never recorded there and are safe elsewhere. Only names that we give are looked at.
 */
export async function removeLeftOvers(
  { catalogue, log }: Pick<Dependencies, 'catalogue' | 'log'>,
  location: Location,
): Promise<void> {
  const root = diskPath(location);
  const place = `${location.site}.${location.name}`;
  const since = Date.now() - LEFT_MS;
  for (const name of await removeAbandoned(root, since))
    log.info('removed a partial file that nobody went on with', { subject: place, name });
  if (location.locationType !== 'buffer') return;

  const kept = new Map<string, string>();
  const old = await oldPackages(root, since);
  for (const name of old.length === 0 ? [] : await catalogue.leftOvers.among(location.id, old)) {
    const words = await removePackage(name);
    if (words !== undefined) kept.set(`${place} ${name}.tar`, words);
  }
  await tell(kept);

  /** Answers with why a person must look at it, where one must. */
  async function removePackage(name: string): Promise<string | undefined> {
    const tar = packageFile(location, name);
    const requireSameDisk = await requireDisk(catalogue, location, OPERATION);
    const before = await fileStatus(tar, OPERATION);
    if (before === undefined) return undefined;
    const bytes = Number(before.size);
    const members = (await finishedResult(tar))?.members;
    const stays = await catalogue.leftOvers.giveUp({ locationId: location.id, name, bytes, members });
    if (stays !== undefined) return stays.passes ? undefined : stays.words;
    // Another attempt may have brought it anew since it was looked at.
    if (!isSameFile(before, await fileStatus(tar, OPERATION))) return undefined;
    await requireSameDisk();
    await removeIfPresent(tar);
    await removeIfPresent(resultPath(tar));
    await syncDirectory(root);
    log.info('removed a package that was never recorded here', { subject: place, name });
    return undefined;
  }

  /** Tells of what stays, and takes back what is no longer so. */
  async function tell(stays: ReadonlyMap<string, string>): Promise<void> {
    for (const { operation, subject } of await catalogue.openProblems())
      if (operation === OPERATION && subject.startsWith(`${place} `) && !stays.has(subject))
        await catalogue.resolveProblems({ operation, subject });
    for (const [subject, words] of stays)
      await catalogue.reportProblem({
        errorClass: 'DeletionError',
        operation: OPERATION,
        subject,
        message: `it was never recorded there and is kept: ${words}`,
        advice:
          'Look what is in it (`tar -tf`). Remove the file, and the result beside it, when nothing in it is needed.',
      });
  }
}
