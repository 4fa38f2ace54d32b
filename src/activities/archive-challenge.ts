import type { PhysicalCopy } from '../core/database/records.js';
import { deletionRulesAt } from '../core/deletion-rules.js';
import { ArchiveCorruptionError, ChecksumVerificationError, DeletionError } from '../core/exceptions.js';
import type { ArchiveStore, TransferOptions } from '../core/storage/archive-store.js';
import { readInFull, readRanges, whatDiffers, type ChallengeAnswer } from '../core/storage/challenge.js';
import { READ_WHOLE_BYTES } from '../core/storage/noted-ranges.js';
import type { Dependencies } from './dependencies.js';
import { whileBytesMove, type MovingWork } from './liveness.js';
import { throughBreaker, wayInto, type Asked } from './through-breaker.js';

/** The part of an archive's activities that gives evidence for deletions. */
export function makeChallengeActivities(dependencies: Dependencies) {
  const { catalogue, settings, notifications } = dependencies;

  return {
    /**
     * Asks an archive, now, whether it still has its copy of a package as it was verified: the object's identity, and random ranges
     * of it; or a full read where the last one is too old, where the copy is doubted, or where it is small. The answer is recorded: a
     * deletion counts only copies that answered well a short while ago, and one that did not counts for nothing from then on.
     *
     * @throws ArchiveCorruptionError, ChecksumVerificationError when the object is not what it was, DeletionError when there is none
     *   to ask for
     */
    async challengeArchiveCopy(
      input: { packageId: string; archive: { site: string; location: string } } & Asked,
    ): Promise<void> {
      const { site, location } = input.archive;
      const copies = await catalogue.copiesOfPackage(input.packageId);
      const copy = copies.find((one) => one.location.site === site && one.location.name === location);
      if (copy === undefined) throw new DeletionError(`no copy is recorded in ${site}.${location}`);
      const about = { operation: 'deletion', subject: copy.path, bytesTotal: copy.bytes } as const;
      const { rules } = await deletionRulesAt(settings, copy.location);

      const ask = async (options: MovingWork): Promise<void> => {
        const store = dependencies.archiveStore(copy.location);
        // What is found or said of the copy while it is read is not answered by this reading.
        const at = new Date().toISOString();
        const answer = await challenge(store, copy, rules.maxVerificationAgeSeconds, options);
        if ('wrong' in answer) throw await doubt(copy, answer);
        if (answer.method === 'full') await catalogue.recordVerified(copy.id, at);
        await catalogue.deletions.recordChallenge({ copyId: copy.id, ...answer });
        await catalogue.resolveProblems({ operation: 'deletion', subject: copy.path });
      };
      await throughBreaker(dependencies, { ...wayInto(copy.location), asked: input.asked }, (works) =>
        whileBytesMove(dependencies, about, ask, works),
      );
    },
  };

  async function challenge(
    store: ArchiveStore,
    copy: PhysicalCopy,
    maxAgeSeconds: number,
    options: Required<TransferOptions>,
  ): Promise<ChallengeAnswer> {
    const wrong = await whatDiffers(store, copy);
    if (wrong !== undefined) return { wrong, again: false };
    const noted = await catalogue.deletions.notedRanges(copy.id);
    const age = copy.verifiedAt === undefined ? Infinity : (Date.now() - Date.parse(copy.verifiedAt)) / 1000;
    const whole =
      age > maxAgeSeconds || copy.doubt !== undefined || noted.length === 0 || copy.bytes <= READ_WHOLE_BYTES;
    return whole ? readInFull(store, copy, options) : readRanges(store, copy, noted, options);
  }

  /** Records what was found and tells of it, before anything else happens. */
  async function doubt(
    copy: PhysicalCopy,
    { wrong, again }: { wrong: string; again: boolean },
  ): Promise<Error> {
    const place = `${copy.location.site}.${copy.location.name}`;
    const message = `the archive copy ${copy.path} in ${place} failed a challenge: ${wrong}`;
    const advice =
      'Nothing was deleted. Find out what happened to the object in the store; it counts again once it was read back in full.';
    const ErrorClass = again ? ChecksumVerificationError : ArchiveCorruptionError;
    const error = new ErrorClass(message, { operation: 'deletion', subject: copy.path, advice });
    await catalogue.deletions.recordDoubt(copy.id, wrong);
    await catalogue.reportProblem({
      errorClass: error.name,
      operation: 'deletion',
      subject: copy.path,
      message,
      advice,
    });
    await notifications.tell({
      level: 'critical',
      kind: 'archive_copy_damaged',
      subject: `${place} ${copy.path}`,
      happened: message,
      tried: 'it does not count for any deletion any more',
      advice,
    });
    return error;
  }
}
