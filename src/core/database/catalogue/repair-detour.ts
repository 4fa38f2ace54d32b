import type { EntityManager } from 'typeorm';
import { DataCorruptionError } from '../../exceptions.js';
import { repairDetours, type Detour } from '../../policy/repair.js';
import { leadsThere } from '../../policy/redundancy.js';
import { uniqueId } from '../../utilities/unique-id.js';
import type { Location, PhysicalCopy } from '../records.js';
import { audit } from './audit.js';
import { copiesOfPackage, copyEntity, toCopy } from './copies.js';
import { packageEntity } from './packages.js';
import { rows } from './sql.js';
import { locationById, locations, routes } from './topology.js';

/** What a damaged archive copy may be repaired from, where nothing that is reached from its site is good. */
export interface RepairElsewhere {
  damaged: PhysicalCopy;
  /** Of the package. */
  name: string;
  /** Buffers at its site, where somebody may have put a good copy. */
  buffersHere: Location[];
  /** Best first. */
  detours: Detour[];
  /** Buffers elsewhere that have it, `site.location`: it comes from there by itself. */
  inBuffers: string[];
}

/** Undefined where the copy is not damaged any more. */
export async function repairElsewhere(
  manager: EntityManager,
  copyId: string,
): Promise<RepairElsewhere | undefined> {
  const damaged = toCopy(await copyEntity(manager, copyId));
  if (damaged.state !== 'damaged') return undefined;
  const copies = await copiesOfPackage(manager, damaged.packageId);
  const facts = { locations: await locations(manager), routes: await routes(manager) };
  return {
    damaged,
    name: (await packageEntity(manager, damaged.packageId)).name,
    buffersHere: facts.locations.filter(
      (one) =>
        one.site === damaged.location.site &&
        one.locationType === 'buffer' &&
        one.active &&
        one.path !== undefined,
    ),
    detours: repairDetours(damaged, copies, facts),
    inBuffers: copies
      .filter(
        (one) =>
          one.location.locationType === 'buffer' &&
          one.location.site !== damaged.location.site &&
          one.state === 'present' &&
          leadsThere(one.location, damaged.location.site, facts),
      )
      .map((one) => `${one.location.site}.${one.location.name}`),
  };
}

/**
 * Records that a buffer has a package which was read there and is what was packaged; not the way of a transfer, but of a repair.
 *
 * @param from where it came from, in words
 */
export async function recordInBuffer(
  manager: EntityManager,
  found: { packageId: string; locationId: string; sha256: string; verifiedAt: string; from: string },
): Promise<void> {
  const { packageId, locationId } = found;
  await rows(manager, 'select from raw_data_package where id = $1 for update', [packageId]);
  const { name, bytes, sha256 } = await packageEntity(manager, packageId);
  if (sha256 !== found.sha256)
    throw new DataCorruptionError('what lies in the buffer is not what was packaged', {
      operation: 'audit',
      subject: name,
    });
  await locationById(manager, locationId);
  const changed = await rows(
    manager,
    `insert into physical_copy as old (id, raw_data_package_id, data_location_id, state, path, bytes, sha256, verified_at, created_at)
     values ($1, $2, $3, 'present', $4, $5, $6, $7, now())
     on conflict (raw_data_package_id, data_location_id) do update set
       state = 'present', path = excluded.path, verified_at = excluded.verified_at, deleted_at = null, delete_after = null
       where old.state = 'deleted'
     returning id`,
    [uniqueId(), packageId, locationId, `${name}.tar`, bytes, sha256, found.verifiedAt],
  );
  if (changed.length === 0) return;
  const facts = { locationId, from: found.from, verifiedAt: found.verifiedAt };
  await audit(manager, 'copy_brought_back', { table: 'raw_data_package', id: packageId }, facts);
}
