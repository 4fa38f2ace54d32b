import pg from 'pg';
import type { DataSource } from 'typeorm';
import { Catalogue } from '../../../src/core/database/catalogue.js';
import { AUDIT_ENTRY } from '../../../src/core/database/catalogue/audit-log.js';
import { CHAIN_START, seal, type AuditEntry, type AuditHead } from '../../../src/core/policy/audit-chain.js';
import { diskRulesAt } from '../../../src/core/disk-rules.js';
import { settingsOf } from './journey.js';
import { placesOfYears, topologyOfYears, type PlacesOfYears } from './places.js';
import { BUNDLE, helpers, statements, UNDER_WAY } from './rows.js';

export interface YearsOptions {
  /** Files in packages; rounded to whole bundles. At least 10,000. */
  files: number;
  filesOfPackage?: number;
  /**
   * Whether triggers and foreign keys are honoured. Without it (`session_replication_role = replica`) the rows are written as those of the past,
   * many times as fast: check and unique constraints hold all the same. A test loads a small catalogue in both ways.
   */
  honourTriggers?: boolean;
  report?: (line: string) => void;
}

/** From so many files on, the indexes of files are made after the rows: sorting them is quicker than keeping them. */
const INDEXED_AFTER = 200_000;
const SEALED_AT_ONCE = 20_000;

/** Fills an empty, migrated catalogue with what years leave behind; answers with its places. */
export async function loadYears(
  url: string,
  dataSource: DataSource,
  options: YearsOptions,
): Promise<PlacesOfYears> {
  const { filesOfPackage = 50, honourTriggers = false, report = () => undefined } = options;
  const bundles = Math.round(options.files / filesOfPackage / BUNDLE);
  const size = { filesOfPackage, packages: Math.max(bundles * BUNDLE, 2 * UNDER_WAY + 2 * BUNDLE) };
  const catalogue = new Catalogue(dataSource);
  await catalogue.ensureTopology(topologyOfYears());
  await catalogue.auditLog.seal();
  const at = await placesOfYears(catalogue);
  await measureDisks(catalogue, at);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set synchronous_commit = off`);
    await client.query(`set maintenance_work_mem = '1GB'`);
    if (!honourTriggers) await client.query('set session_replication_role = replica');
    for (const helper of helpers(size, new Date())) await client.query(helper);
    const large = size.packages * filesOfPackage >= INDEXED_AFTER;
    for (const { of, sql } of statements(size, at)) {
      const begun = performance.now();
      const indexes = large && of === 'raw_data_file' ? await takeIndexes(client, 'raw_data_file') : [];
      const { rowCount } = await client.query(sql);
      const written = performance.now();
      for (const index of indexes) await client.query(index);
      report(`${of}: ${rowCount} rows in ${seconds(begun, written)}, indexes in ${seconds(written)}`);
    }
    await sealAll(client);
    await client.query(`select package_tally_count_anew(), copy_tally_count_anew()`);
    const begun = performance.now();
    await client.query('vacuum (analyze)');
    report(`vacuum and statistics in ${seconds(begun)}`);
  } finally {
    await client.end();
  }
  return at;
}

/** Every disk has room, as was found just now. */
async function measureDisks(catalogue: Catalogue, at: PlacesOfYears): Promise<void> {
  const space = { totalBytes: 1e15, freeBytes: 5e14, totalInodes: 0, freeInodes: 0 };
  for (const place of [at.source, at.buffer, at.arrival, at.further, at.processing])
    await catalogue.liveness.recordMeasurement(
      place.id,
      { condition: 'usable', space, measuredAt: new Date().toISOString() },
      { rules: await diskRulesAt(settingsOf(catalogue), place), rateWindowSeconds: 3600 },
    );
}

function seconds(from: number, to = performance.now()): string {
  return `${((to - from) / 1000).toFixed(1)} s`;
}

/** Drops what makes writing slow, but for the primary key; answers with the statements that make it again. */
async function takeIndexes(client: pg.Client, table: string): Promise<string[]> {
  const constraints = await client.query<{ name: string; definition: string }>(
    `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint where conrelid = $1::regclass and contype = 'u'`,
    [table],
  );
  const again = constraints.rows.map(
    ({ name, definition }) => `alter table ${table} add constraint "${name}" ${definition}`,
  );
  for (const { name } of constraints.rows)
    await client.query(`alter table ${table} drop constraint "${name}"`);
  const indexes = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index where indrelid = $1::regclass and not indisprimary`,
    [table],
  );
  for (const { name } of indexes.rows) await client.query(`drop index ${name}`);
  return [...again, ...indexes.rows.map(({ definition }) => definition)];
}

/** Links what was written into the audit log's chain, as the product does, in larger steps. */
async function sealAll(client: pg.Client): Promise<void> {
  const found = await client.query<AuditHead>(
    'select sequence::float8 as sequence, hash from audit_seal order by sequence desc limit 1',
  );
  let before: AuditHead = found.rows[0] ?? CHAIN_START;
  await client.query('begin');
  await client.query(
    `declare entries no scroll cursor for select ${AUDIT_ENTRY} from audit_entry e
     where not exists (select from audit_seal s where s.entry_id = e.id) order by e.at, e.id`,
  );
  for (;;) {
    const { rows } = await client.query<AuditEntry>(`fetch ${SEALED_AT_ONCE} from entries`);
    if (rows.length === 0) break;
    const seals = rows.map((entry) => {
      const next = seal(before, entry);
      before = next;
      return next;
    });
    await client.query(
      'insert into audit_seal (sequence, entry_id, prev_hash, hash) select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[])',
      [
        seals.map((one) => one.sequence),
        seals.map((one) => one.entryId),
        seals.map((one) => one.prevHash),
        seals.map((one) => one.hash),
      ],
    );
  }
  await client.query('close entries');
  await client.query('delete from audit_unsealed');
  await client.query('commit');
}
