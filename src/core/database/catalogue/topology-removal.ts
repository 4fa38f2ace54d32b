import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../exceptions.js';
import type { Topology } from '../records.js';
import { audit } from './audit.js';
import { row, rows } from './sql.js';
import { wholeTopology } from './topology.js';

/** What only speaks of a place as it is now: it goes with it. All else that refers to one is history or data, and keeps it. */
const GOES_ALONG = new Set(['setting', 'store_capability', 'location_fill', 'location_measurement']);

type Kind = 'route' | 'location' | 'site';

/** Something of the catalogue's topology that a document does not name. */
export interface Removal {
  kind: Kind;
  name: string;
  /** Why it has to stay. */
  kept: string[];
}

const TABLES: Record<Kind, string> = {
  route: 'data_transfer_route',
  location: 'data_location',
  site: 'site',
};

const ADVICE =
  'What holds copies, or has a history, stays: take it out of use with "active: false" in the document.';

/** What the catalogue has and a description does not, in the order in which it can be removed, and what keeps it. */
export async function removals(manager: EntityManager, wanted: Topology): Promise<Removal[]> {
  const known = await wholeTopology(manager);
  const named = {
    route: new Set(wanted.routes.map((one) => one.name)),
    location: new Set(wanted.locations.map((one) => `${one.site}.${one.name}`)),
    site: new Set(wanted.sites.map((one) => one.shortName)),
  };
  const extra = [
    ...known.routes.map((one) => ({ kind: 'route' as const, name: one.name })),
    ...known.locations.map((one) => ({ kind: 'location' as const, name: `${one.site}.${one.name}` })),
    ...known.sites.map((one) => ({ kind: 'site' as const, name: one.shortName })),
  ].filter(({ kind, name }) => !named[kind].has(name));
  const found: Removal[] = [];
  for (const one of extra) {
    const goes = new Set(
      found.filter(({ kept }) => kept.length === 0).map(({ kind, name }) => `${kind} ${name}`),
    );
    found.push({ ...one, kept: await reasons(manager, one, goes) });
  }
  return found;
}

/**
 * Removes what a description does not name.
 *
 * @returns what was removed
 * @throws ConfigurationError that names all that has to stay and why; nothing is removed then
 */
export async function removeUnnamed(manager: EntityManager, wanted: Topology): Promise<Removal[]> {
  // Nobody may begin to use a place while it is judged.
  await rows(manager, 'lock table site, data_location, data_transfer_route in share row exclusive mode');
  const found = await removals(manager, wanted);
  const kept = found.filter((one) => one.kept.length > 0);
  if (kept.length > 0)
    throw new ConfigurationError(
      `nothing is removed: ${kept.map((one) => `${one.kind} ${one.name}: ${one.kept.join(', ')}`).join('; ')}`,
      { subject: kept[0]?.name, advice: ADVICE },
    );
  for (const { kind, name } of found) {
    const id = await idOf(manager, kind, name);
    for (const { table, column } of await references(manager, TABLES[kind]))
      if (GOES_ALONG.has(table)) await rows(manager, `delete from ${table} where ${column} = $1`, [id]);
    await rows(manager, `delete from ${TABLES[kind]} where id = $1`, [id]);
    await audit(manager, `${kind}_removed`, { table: TABLES[kind], id }, { name });
  }
  return found;
}

/** Why something stays: rows that refer to it, but for what goes along or is removed before it. */
async function reasons(
  manager: EntityManager,
  { kind, name }: { kind: Kind; name: string },
  goes: ReadonlySet<string>,
): Promise<string[]> {
  const id = await idOf(manager, kind, name);
  const found: string[] = [];
  if (kind === 'location') {
    const held = await row<{ copies: number }>(
      manager,
      `select count(*)::integer as copies from physical_copy where data_location_id = $1 and state <> 'deleted'`,
      [id],
    );
    if (held !== undefined && held.copies > 0) found.push(`it holds ${held.copies} copies`);
  }
  for (const { table, column } of await references(manager, TABLES[kind])) {
    if (table === 'data_transfer_route' || table === 'data_location') {
      const referring = await rows<{ name: string }>(
        manager,
        table === 'data_location'
          ? `select s.short_name || '.' || l.name as name from data_location l join site s on s.id = l.site_id where l.${column} = $1`
          : `select name from data_transfer_route where ${column} = $1`,
        [id],
      );
      const what = table === 'data_location' ? 'location' : 'route';
      found.push(
        ...referring
          .filter((one) => !goes.has(`${what} ${one.name}`))
          .map((one) => `${what} ${one.name} needs it`),
      );
    } else if (!GOES_ALONG.has(table)) {
      const [first] = await rows(manager, `select 1 from ${table} where ${column} = $1 limit 1`, [id]);
      if (first !== undefined) found.push(`${table} tells of it`);
    }
  }
  return [...new Set(found)];
}

/** Every foreign key to a table, as the database has them: names of its own, never of anybody outside. */
function references(manager: EntityManager, table: string): Promise<{ table: string; column: string }[]> {
  return rows(
    manager,
    `select c.conrelid::regclass::text as table, quote_ident(a.attname) as column
     from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
     where c.contype = 'f' and c.confrelid = $1::regclass order by 1, 2`,
    [table],
  );
}

async function idOf(manager: EntityManager, kind: Kind, name: string): Promise<string> {
  const [site, location] = name.split('.');
  const statements: Record<Kind, [string, (string | undefined)[]]> = {
    route: ['select id from data_transfer_route where name = $1', [name]],
    site: ['select id from site where short_name = $1', [name]],
    location: [
      'select l.id from data_location l join site s on s.id = l.site_id where s.short_name = $1 and l.name = $2',
      [site, location],
    ],
  };
  const found = await row<{ id: string }>(manager, ...statements[kind]);
  if (found === undefined) throw new ConfigurationError(`there is no ${kind} ${name}`, { subject: name });
  return found.id;
}
