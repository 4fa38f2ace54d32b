import type { EntityManager } from 'typeorm';
import { uniqueId } from '../../utilities/unique-id.js';
import type { ReadRange } from '../records.js';
import { audit } from './audit.js';
import { changed, row, rows } from './sql.js';

export interface NewChallenge {
  copyId: string;
  /** `full`: read as a whole and equal, these ranges noted on the way; `ranges`: read again and compared with what was noted then. */
  method: 'identity' | 'ranges' | 'full';
  ranges: ReadRange[];
}

/** Records that an archive copy answered well. */
export async function recordChallenge(manager: EntityManager, challenge: NewChallenge): Promise<void> {
  const { copyId, method, ranges } = challenge;
  await rows(
    manager,
    'insert into archive_challenge (id, physical_copy_id, at, method, ranges) values ($1, $2, clock_timestamp(), $3, $4)',
    [uniqueId(), copyId, method, JSON.stringify(ranges)],
  );
}

/** Records that an archive copy failed a challenge: it counts for nothing until it was read back in full. */
export async function recordDoubt(manager: EntityManager, copyId: string, words: string): Promise<void> {
  const doubted = await changed(
    manager,
    `update physical_copy set doubted_at = clock_timestamp(), doubt = $2 where id = $1 and state <> 'deleted'`,
    [copyId, words],
  );
  if (doubted > 0)
    await audit(
      manager,
      'archive_challenge_failed',
      { table: 'physical_copy', id: copyId },
      { found: words },
    );
}

/** The ranges that the last full read of a copy noted; none if it was not read in full since there are challenges. */
export async function notedRanges(manager: EntityManager, copyId: string): Promise<ReadRange[]> {
  const found = await row<{ ranges: ReadRange[] }>(
    manager,
    `select ranges from archive_challenge where physical_copy_id = $1 and method = 'full' order by at desc limit 1`,
    [copyId],
  );
  return found?.ranges ?? [];
}

/** What the last challenge of each archive copy of a package read. */
export async function challengedRanges(
  manager: EntityManager,
  packageId: string,
): Promise<{ copyId: string; place: string; ranges: ReadRange[] }[]> {
  return rows(
    manager,
    `select c.id as "copyId", s.short_name || '.' || l.name as place, a.ranges from physical_copy c
     join data_location l on l.id = c.data_location_id join site s on s.id = l.site_id
     join lateral (select ranges from archive_challenge where physical_copy_id = c.id order by at desc limit 1) a on true
     where c.raw_data_package_id = $1 and c.doubted_at is null`,
    [packageId],
  );
}
