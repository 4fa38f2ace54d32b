import { activityInfo } from '@temporalio/activity';
import type { Location, StoredCopy } from '../core/database/records.js';
import { ChecksumVerificationError } from '../core/exceptions.js';
import type { Place } from '../core/journey-inputs.js';
import { getS3KeyForPackage, getS3KeyForSidecar, sidecarDocument } from '../core/storage/archive-layout.js';
import { readInFull } from '../core/storage/challenge.js';
import { makeChallengeActivities } from './archive-challenge.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove, type MovingWork } from './liveness.js';
import { recordArchived } from './onward.js';
import { fileAt } from './places.js';
import { throughBreaker, wayInto, type Asked } from './through-breaker.js';

export interface ArchivedPackage extends StoredCopy {
  /**
   * That the catalogue has it, and planners look for what follows. Absent in the answers of workers from before 2026-12: their workflows call
   * `recordArchived`.
   */
  recorded?: true;
}

/** What an attempt that could not record it leaves to the next one. */
interface Kept {
  v: 1;
  stored: StoredCopy;
}

export type ArchiveActivities = ReturnType<typeof makeArchiveActivities>;

export function makeArchiveActivities(dependencies: Dependencies) {
  const { catalogue } = dependencies;

  return {
    ...makeChallengeActivities(dependencies),

    /**
     * Stores a package with a checksum that the server checks, its sidecar beside it, reads the object back in full, and records it. What is stored and
     * read back is kept with the heartbeat: an outage of the catalogue repeats the recording alone. What was recorded is not stored again: the copy that
     * it came from may be gone by then.
     */
    async archivePackage(input: { packageId: string; archive: Place } & Asked): Promise<ArchivedPackage> {
      const before = activityInfo().heartbeatDetails as Partial<Kept> | undefined;
      const { packageId } = input;
      const { archive, known } = await whileBusy(async () => {
        const archive = await catalogue.location(input.archive.site, input.archive.location);
        return { archive, known: before?.stored ?? (await catalogue.archivedCopy(packageId, archive.id)) };
      }, before);
      const stored = known ?? (await store(input, archive));
      const kept: Kept = { v: 1, stored };
      await whileBusy(() => recordArchived(dependencies, { packageId, archive, stored }), kept);
      return { ...stored, recorded: true };
    },
  };

  async function store(
    input: { packageId: string; archive: Place } & Asked,
    archive: Location,
  ): Promise<StoredCopy> {
    const order = await whileBusy(() => catalogue.archiveOrder(input.packageId, archive.id));
    const { bytes, sha256 } = order.copy;
    const key = getS3KeyForPackage(order.package);
    const file = fileAt(order.copy.location, order.copy.path);
    const about = {
      operation: 'long_term_archive_transfer',
      subject: order.package.name,
      bytesTotal: 2 * bytes,
    } as const;

    const put = async ({ signal, onProgress }: MovingWork): Promise<StoredCopy> => {
      const store = dependencies.archiveStore(archive);
      await store.prepare();
      const inParts = activityInfo().attempt > 1;
      const stored = await store.put(key, file, { bytes, sha256 }, { signal, onProgress, inParts });
      await store.putJson(
        getS3KeyForSidecar(key),
        sidecarDocument(key, {
          package: order.package,
          bytes,
          sha256,
          provenance: order.provenance,
          facility: await dependencies.settings.get('archive.facility_name', input.archive),
        }),
      );
      const read = await readInFull(
        store,
        { path: key, bytes, sha256 },
        { signal, onProgress: (done) => onProgress(bytes + done) },
      );
      if ('wrong' in read) throw otherBytes(key, read.wrong);
      return {
        key,
        bytes,
        sha256,
        versionId: stored.versionId,
        etag: stored.etag,
        verifiedAt: new Date().toISOString(),
        ranges: read.ranges,
      };
    };
    return throughBreaker(dependencies, { ...wayInto(archive), asked: input.asked }, (works) =>
      whileBytesMove(dependencies, about, put, works),
    );
  }
}

function otherBytes(key: string, wrong: string): ChecksumVerificationError {
  return new ChecksumVerificationError(
    `the archive does not give back what it was given as ${key}: ${wrong}`,
    {
      operation: 'long_term_archive_transfer',
      subject: key,
      advice:
        'If reading again gives the same, move the object aside in the store and retry: it is then stored anew.',
    },
  );
}
