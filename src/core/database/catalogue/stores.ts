import type { EntityManager } from 'typeorm';
import type { StoreCapabilities } from '../../storage/store-capabilities.js';
import { audit } from './audit.js';
import { row, rows } from './sql.js';

/** What a store was found to do, and when. */
export interface KnownStore {
  capabilities: StoreCapabilities;
  /** ISO 8601. */
  probedAt: string;
  /** What it refused since although it was found to do it. */
  contradiction?: string;
}

interface Row {
  capabilities: StoreCapabilities;
  probed_at: Date;
  contradiction: string | null;
}

/** @param store names the very store, so that a location which moved is not taken for its old one */
export async function knownStore(
  manager: EntityManager,
  locationId: string,
  store: string,
): Promise<KnownStore | undefined> {
  const found = await row<Row>(
    manager,
    'select capabilities, probed_at, contradiction from store_capability where data_location_id = $1 and store = $2',
    [locationId, store],
  );
  if (found === undefined) return undefined;
  return {
    capabilities: found.capabilities,
    probedAt: found.probed_at.toISOString(),
    contradiction: found.contradiction ?? undefined,
  };
}

export async function knownStores(
  manager: EntityManager,
): Promise<(KnownStore & { location: string; store: string })[]> {
  const found = await rows<Row & { location: string; store: string }>(
    manager,
    `select s.short_name || '.' || l.name as location, c.store, c.capabilities, c.probed_at, c.contradiction
     from store_capability c join data_location l on l.id = c.data_location_id join site s on s.id = l.site_id order by 1`,
  );
  return found.map(({ probed_at, contradiction, ...one }) => ({
    ...one,
    probedAt: probed_at.toISOString(),
    contradiction: contradiction ?? undefined,
  }));
}

export async function recordStore(
  manager: EntityManager,
  locationId: string,
  store: string,
  capabilities: StoreCapabilities,
): Promise<void> {
  await rows(
    manager,
    `insert into store_capability (data_location_id, store, capabilities) values ($1, $2, $3)
     on conflict (data_location_id) do update set store = excluded.store, capabilities = excluded.capabilities, probed_at = now(),
       contradiction = null, contradicted_at = null`,
    [locationId, store, JSON.stringify(capabilities)],
  );
  await audit(manager, 'store_probed', { table: 'data_location', id: locationId }, { store });
}

export async function recordContradiction(
  manager: EntityManager,
  locationId: string,
  by: string,
): Promise<void> {
  await rows(
    manager,
    'update store_capability set contradiction = $2, contradicted_at = now() where data_location_id = $1',
    [locationId, by],
  );
}
