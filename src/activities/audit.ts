import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditOrder, DamageFound, RepairOrder } from '../core/database/catalogue/fixity.js';
import type { PhysicalCopy, ReadRange, StoredCopy } from '../core/database/records.js';
import { ChecksumVerificationError, DataCorruptionError, PermanentError } from '../core/exceptions.js';
import { getS3KeyForSidecar, sidecarDocument } from '../core/storage/archive-layout.js';
import type { ArchiveStore, ByteSource, ReadOptions } from '../core/storage/archive-store.js';
import { fileSource, objectSource } from '../core/storage/byte-source.js';
import { rangesToNote } from '../core/storage/noted-ranges.js';
import { canonicalJson } from '../core/utilities/canonical-json.js';
import { TokenBucket } from '../core/utilities/token-bucket.js';
import type { Dependencies } from './dependencies.js';
import { whileBusy, whileBytesMove, type MovingWork } from './liveness.js';
import { fileAt } from './places.js';
import { blameOthers, throughBreaker, wayInto, type Asked } from './through-breaker.js';

/** What reading a copy again showed. */
export type AuditFinding =
  | { sound: true; at: string; ranges: ReadRange[]; sidecarRewritten: boolean }
  | { sound: false; damage: DamageFound }
  /** It is not there to be read: being deleted, or known as damaged. */
  | { sound: undefined };

export type AuditActivities = ReturnType<typeof makeAuditActivities>;

const OPERATION = 'audit';
/** Before damage is believed, so long is waited for whatever may pass: milliseconds. */
const SECOND_LOOK_MS = 2000;

/** The work of an audit at an archive. */
export function makeAuditActivities(dependencies: Dependencies) {
  const { catalogue, settings } = dependencies;

  return {
    /**
     * Reads an archived copy in full, at the rate that is set for the archive, and puts its sidecar right. What looks damaged is
     * looked at twice, and only while the store itself is there: an outage is no loss.
     */
    async auditCopy(input: { copyId: string }): Promise<AuditFinding> {
      const order = await whileBusy(() => catalogue.fixity.auditOrder(input.copyId));
      const { copy } = order;
      if (copy.state !== 'present') return { sound: undefined };
      const place = { site: copy.location.site, location: copy.location.name };
      const rate = await settings.get('audit.bytes_per_second', place);
      const about = { operation: OPERATION, subject: order.package.name, bytesTotal: copy.bytes } as const;
      const read = async (options: MovingWork): Promise<AuditFinding> => {
        const store = dependencies.archiveStore(copy.location);
        const bounded = { ...options, pace: paced(rate, options) };
        await store.requireStore();
        // What is found or said of the copy while it is read is not answered by this reading.
        let at = new Date().toISOString();
        let seen = await lookAt(store, copy, bounded);
        if ('damage' in seen) {
          const { damage } = seen;
          await sleep(SECOND_LOOK_MS, undefined, { signal: options.signal });
          await store.requireStore();
          at = new Date().toISOString();
          seen = await lookAt(store, copy, bounded);
          if ('damage' in seen) return { sound: false as const, damage: seen.damage };
          dependencies.log.warn('a copy read as damaged once and as whole right after that', {
            subject: copy.path,
            damage: damage.kind,
          });
        }
        const sidecarRewritten = await putSidecarRight(store, copy.path, order, await facilityAt(copy));
        return { sound: true as const, at, ranges: seen.ranges, sidecarRewritten };
      };
      return await throughBreaker(dependencies, wayInto(copy.location), (works) =>
        whileBytesMove(dependencies, about, read, works),
      );
    },

    /**
     * Puts a damaged copy anew from another one, and reads it back. The damaged object stays where it is; its sidecar says what
     * took its place.
     *
     * @throws DataCorruptionError when the other copy is not what was packaged either
     */
    async repairCopy(input: { copyId: string; sourceCopyId: string } & Asked): Promise<StoredCopy> {
      const order = await whileBusy(() => catalogue.fixity.repairOrder(input.copyId));
      const source = order?.sources.find((one) => one.id === input.sourceCopyId);
      if (order === undefined || source === undefined)
        throw new PermanentError('there is nothing to repair, or not from this copy', {
          operation: OPERATION,
          subject: input.copyId,
        });
      const { copy, repairPath } = order;
      const { bytes, sha256 } = copy;
      const about = { operation: OPERATION, subject: order.package.name, bytesTotal: 2 * bytes } as const;
      const repair = async ({ signal, onProgress }: MovingWork): Promise<StoredCopy> => {
        const store = dependencies.archiveStore(copy.location);
        await store.requireStore();
        const from = await bytesOf(source).catch((error: unknown) => blameOthers(error));
        const stored = await store
          .put(repairPath, from, { bytes, sha256 }, { signal, onProgress })
          .finally(() => from.close());
        await putSidecarRight(store, repairPath, order, await facilityAt(copy));
        const read = await store.readBack(repairPath, {
          signal,
          ranges: rangesToNote(bytes),
          onProgress: (done) => onProgress(bytes + done),
        });
        if (read.sha256 !== sha256 || read.bytes !== bytes)
          throw new ChecksumVerificationError(
            `the archive gave back other bytes than it was given for ${repairPath}`,
            {
              operation: OPERATION,
              subject: repairPath,
              context: { expected: sha256, found: read.sha256 },
            },
          );
        const verifiedAt = new Date().toISOString();
        if (repairPath !== order.damagedPath) await markSuperseded(store, order, await facilityAt(copy));
        const { versionId, etag } = stored;
        return { key: repairPath, bytes, sha256, versionId, etag, verifiedAt, ranges: read.ranges };
      };
      return await throughBreaker(dependencies, { ...wayInto(copy.location), asked: input.asked }, (works) =>
        whileBytesMove(dependencies, about, repair, works),
      );
    },
  };

  function facilityAt({ location }: PhysicalCopy): Promise<string> {
    return settings.get('archive.facility_name', { site: location.site, location: location.name });
  }

  async function bytesOf(source: PhysicalCopy): Promise<ByteSource> {
    const { location, path, bytes } = source;
    if (location.locationType === 'buffer') return await fileSource(fileAt(location, path));
    const store = dependencies.archiveStore(location);
    await store.requireStore();
    const found = await store.head(path);
    if (found?.bytes === bytes) return ofOthers(objectSource(store, path, bytes));
    throw new DataCorruptionError(
      `${path} ${found === undefined ? 'is gone' : 'has another size'} in ${location.site}.${location.name}`,
      { operation: OPERATION, subject: path },
    );
  }
}

/** A source whose failures are not told of the store that is written to. */
function ofOthers(source: ByteSource): ByteSource {
  return {
    ...source,
    read: (offset, piece) => source.read(offset, piece).catch((error: unknown) => blameOthers(error)),
  };
}

/** Waits so that no more than so many bytes per second are read. */
function paced(bytesPerSecond: number, { signal, heldBack }: MovingWork): (bytes: number) => Promise<void> {
  const bucket = new TokenBucket(bytesPerSecond);
  return (bytes) => bucket.take(bytes, { signal, onWait: heldBack });
}

/** What is wrong with a copy now, or what was noted while it was read. */
async function lookAt(
  store: ArchiveStore,
  copy: PhysicalCopy,
  options: ReadOptions,
): Promise<{ damage: DamageFound } | { ranges: ReadRange[] }> {
  const found = await store.head(copy.path);
  const damage = (kind: DamageFound['kind'], facts: { bytes?: number; sha256?: string } = {}) => ({
    damage: { kind, at: new Date().toISOString(), ...facts },
  });
  if (found === undefined) return damage('missing');
  if (found.bytes !== copy.bytes) return damage('size', { bytes: found.bytes });
  const read = await store.readBack(copy.path, { ...options, ranges: rangesToNote(copy.bytes) });
  if (read.bytes !== copy.bytes) return damage('size', { bytes: read.bytes });
  return read.sha256 === copy.sha256
    ? { ranges: read.ranges ?? [] }
    : damage('digest', { bytes: read.bytes, sha256: read.sha256 });
}

/** Writes the sidecar anew where it is missing or tells something else of the package; whether it had to. */
async function putSidecarRight(
  store: ArchiveStore,
  path: string,
  order: AuditOrder,
  facility: string,
): Promise<boolean> {
  const expected = sidecarOf(path, order, facility);
  const key = getS3KeyForSidecar(path);
  const found = (await store.getJson(key)) as { key?: unknown; package?: unknown } | undefined;
  const facts = (document: { key?: unknown; package?: unknown } | undefined) =>
    canonicalJson(JSON.parse(JSON.stringify([document?.key ?? null, document?.package ?? null])) as never);
  if (facts(found) === facts(expected)) return false;
  await store.putJson(key, expected);
  return true;
}

/** Whoever meets the damaged object later finds beside it what it is. */
async function markSuperseded(store: ArchiveStore, order: RepairOrder, facility: string): Promise<void> {
  await store.putJson(getS3KeyForSidecar(order.damagedPath), {
    ...sidecarOf(order.damagedPath, order, facility),
    superseded: { by: order.repairPath, because: `this object was found damaged: ${order.kind}` },
  });
}

function sidecarOf(path: string, order: AuditOrder, facility: string): Record<string, unknown> {
  const { bytes, sha256 } = order.copy;
  return sidecarDocument(path, {
    package: order.package,
    bytes,
    sha256,
    provenance: order.provenance,
    facility,
  });
}
