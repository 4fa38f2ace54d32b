import { createHash, randomInt } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Location, PhysicalCopy } from '../core/database/records.js';
import { ArchiveCorruptionError, ChecksumVerificationError, DeletionError } from '../core/exceptions.js';
import { getS3KeyForPackage, getS3KeyForSidecar, sidecarDocument } from '../core/storage/archive-layout.js';
import type { ArchiveStore } from '../core/storage/archive-store.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove } from './liveness.js';
import { fileAt } from './places.js';

export interface StoredPackage {
  key: string;
  bytes: number;
  sha256: string;
  versionId?: string;
  etag?: string;
  /** ISO 8601: when the read-back ended. */
  verifiedAt: string;
}

interface Place {
  site: string;
  location: string;
}

export type ArchiveActivities = ReturnType<typeof makeArchiveActivities>;

/** Ranges that a challenge asks a store for, and their length in bytes. */
const RANGES = 4;
const RANGE_BYTES = 64 * 1024;

export function makeArchiveActivities(dependencies: Dependencies) {
  const { catalogue, settings } = dependencies;

  return {
    /** Stores a package with a checksum that the server checks, its sidecar beside it, and reads the object back in full. */
    async archivePackage(input: { packageId: string; archive: Place }): Promise<StoredPackage> {
      const { archive, order } = await whileBusy(async () => {
        const location = await catalogue.location(input.archive.site, input.archive.location);
        return { archive: location, order: await catalogue.archiveOrder(input.packageId, location.id) };
      });
      const { bytes, sha256 } = order.copy;
      const store = dependencies.archiveStore(archive);
      const key = getS3KeyForPackage(order.package);
      const file = fileAt(order.copy.location, order.copy.path);
      const about = {
        operation: 'long_term_archive_transfer',
        subject: order.package.name,
        bytesTotal: 2 * bytes,
      } as const;

      return whileBytesMove(dependencies, about, async ({ signal, onProgress }) => {
        await store.prepare();
        const stored = await store.put(key, file, { bytes, sha256 }, { signal, onProgress });
        await store.putJson(
          getS3KeyForSidecar(key),
          sidecarDocument(key, { package: order.package, bytes, sha256, provenance: order.provenance }),
        );
        await readBackEquals(
          store,
          key,
          { bytes, sha256 },
          { signal, onProgress: (done) => onProgress(bytes + done) },
        );
        return {
          key,
          bytes,
          sha256,
          versionId: stored.versionId,
          etag: stored.etag,
          verifiedAt: new Date().toISOString(),
        };
      });
    },

    /**
     * Asks an archive, now, whether it still has its copy of a package as it was verified: the object's identity, and random
     * ranges compared with a copy on this site's disk while there is one; or a full read where the last one is too old.
     * Returns when the copy may justify deletions.
     *
     * @throws ArchiveCorruptionError when the object differs, DeletionError when there is no archive copy to ask for
     */
    async challengeArchiveCopy(input: { packageId: string; archive: Place }): Promise<void> {
      const copies = await catalogue.copiesOfPackage(input.packageId);
      const copy = copies.find((one) => isAt(one.location, input.archive));
      if (copy === undefined)
        throw new DeletionError(`no copy is recorded in ${input.archive.site}.${input.archive.location}`);
      const about = { operation: 'deletion', subject: copy.path, bytesTotal: copy.bytes } as const;

      await whileBytesMove(dependencies, about, async (options) => {
        const store = dependencies.archiveStore(copy.location);
        await sameObject(store, copy);
        const age =
          copy.verifiedAt === undefined ? Infinity : (Date.now() - Date.parse(copy.verifiedAt)) / 1000;
        const maxAgeHours = await settings.get('deletion.verification_age_hours', input.archive);
        if (age > maxAgeHours * 3600) {
          await readBackEquals(store, copy.path, copy, options);
          await catalogue.recordVerified(copy.id, new Date().toISOString());
          return;
        }
        const beside = copies.find(
          (one) =>
            one.location.site === input.archive.site &&
            one.location.storageType === 'disk' &&
            one.state === 'present',
        );
        if (beside !== undefined) await sameRanges(store, copy, fileAt(beside.location, beside.path));
      });
    },
  };
}

async function readBackEquals(
  store: ArchiveStore,
  key: string,
  expected: { bytes: number; sha256: string },
  options: { signal: AbortSignal; onProgress: (bytes: number) => void },
): Promise<void> {
  const read = await store.readBack(key, options);
  if (read.sha256 === expected.sha256 && read.bytes === expected.bytes) return;
  throw new ChecksumVerificationError(`the archive gave back other bytes than it was given for ${key}`, {
    operation: 'long_term_archive_transfer',
    subject: key,
    context: {
      expected: expected.sha256,
      found: read.sha256,
      expectedBytes: expected.bytes,
      foundBytes: read.bytes,
    },
    advice:
      'If reading again gives the same, move the object aside in the store and retry: it is then stored anew.',
  });
}

async function sameObject(store: ArchiveStore, copy: PhysicalCopy): Promise<void> {
  const found = await store.head(copy.path);
  const differs =
    found === undefined
      ? 'is gone'
      : found.bytes !== copy.bytes
        ? `has ${found.bytes} bytes instead of ${copy.bytes}`
        : found.sha256 !== undefined && found.sha256 !== copy.sha256
          ? 'has another checksum'
          : copy.etag !== undefined && found.etag !== copy.etag
            ? 'was replaced since it was verified'
            : undefined;
  if (differs !== undefined) throw corrupted(copy, differs);
}

async function sameRanges(store: ArchiveStore, copy: PhysicalCopy, file: string): Promise<void> {
  const local = await open(file, 'r');
  try {
    for (let i = 0; i < RANGES; i++) {
      const length = Math.min(RANGE_BYTES, copy.bytes);
      const offset = randomInt(0, copy.bytes - length + 1);
      const { buffer } = await local.read(Buffer.alloc(length), 0, length, offset);
      const remote = await store.readRange(copy.path, offset, length);
      if (!digest(buffer).equals(digest(remote)))
        throw corrupted(copy, `differs from ${file} in the ${length} bytes from ${offset}`);
    }
  } finally {
    await local.close();
  }
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function corrupted(copy: PhysicalCopy, how: string): ArchiveCorruptionError {
  return new ArchiveCorruptionError(`the archive copy ${copy.path} ${how}`, {
    operation: 'deletion',
    subject: copy.path,
    advice: 'Nothing was deleted. Find out what happened to the object in the store before anything else.',
  });
}

function isAt(location: Location, place: Place): boolean {
  return location.site === place.site && location.name === place.location;
}
