import type { EntityManager } from 'typeorm';
import { columns, rows } from './sql.js';

/** As many characters of a path as the index `raw_data_file_packaged_below` holds. */
const INDEXED = 256;
const LAST_CHARACTER = '\u{10FFFF}';

interface Below {
  folder: string;
  prefix: string;
  /** What the beginnings of all paths with this prefix lie between, byte by byte: from the first, to before the second. */
  from: string;
  to: string;
}

function below(folder: string): Below {
  const characters = Array.from(`${folder}/`);
  const from = characters.slice(0, INDEXED).join('');
  const to = characters.length <= INDEXED ? `${folder}0` : `${from}${LAST_CHARACTER}`;
  return { folder, prefix: `${folder}/`, from, to };
}

/** Those folders of a source from below which something was packaged, now or at any time. */
export async function foldersPackagedFrom(
  manager: EntityManager,
  sourceLocationId: string,
  folders: readonly string[],
): Promise<Set<string>> {
  if (folders.length === 0) return new Set();
  const found = await rows<{ folder: string }>(
    manager,
    `select folder from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as asked (folder, prefix, first, past)
     where exists (
       select from raw_data_file f
       where f.source_location_id = $1 and f.raw_data_package_id is not null
         and left(f.path, ${INDEXED}) collate "C" >= asked.first and left(f.path, ${INDEXED}) collate "C" < asked.past
         and starts_with(f.path, asked.prefix))`,
    [sourceLocationId, ...columns(folders.map(below), ['folder', 'prefix', 'from', 'to'])],
  );
  return new Set(found.map(({ folder }) => folder));
}
