import type { EntityManager } from 'typeorm';
import { audit } from './audit.js';
import { row, rows } from './sql.js';

/** What the catalogue knows of the disk of a location. */
export interface LocationMark {
  /** ISO 8601: when its marker was written; absent where it has none yet. */
  markedAt?: string;
  /** Paths of copies that must be on it, the first few. */
  copies: string[];
}

const SAMPLE = 20;

export async function locationMark(manager: EntityManager, locationId: string): Promise<LocationMark> {
  const found = await row<{ marked_at: Date | null }>(
    manager,
    'select marked_at from data_location where id = $1',
    [locationId],
  );
  if (found?.marked_at) return { markedAt: found.marked_at.toISOString(), copies: [] };
  const copies = await rows<{ path: string }>(
    manager,
    `select path from physical_copy where data_location_id = $1
       and state <> 'deleted' and state in ('present', 'staged', 'deletion_possible', 'deletion_scheduled')
     order by raw_data_package_id limit ${SAMPLE}`,
    [locationId],
  );
  return { copies: copies.map(({ path }) => path) };
}

export async function recordMarked(manager: EntityManager, locationId: string): Promise<void> {
  const written = await row<{ id: string; path: string }>(
    manager,
    'update data_location set marked_at = now() where id = $1 and marked_at is null returning id, path',
    [locationId],
  );
  if (written !== undefined)
    await audit(
      manager,
      'location_marked',
      { table: 'data_location', id: locationId },
      { path: written.path },
    );
}
