import type { StoreCapabilities } from '../storage/store-capabilities.js';
import * as stores from './catalogue/stores.js';
import type { Transactions } from './transactions.js';

/** What each store was found to do. Throws as {@link Catalogue} does. */
export class StoresCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** @param store its endpoint and bucket: what was found of another one does not hold */
  known(locationId: string, store: string): Promise<stores.KnownStore | undefined> {
    return this.transactions.read((manager) => stores.knownStore(manager, locationId, store));
  }

  /** All that were probed. */
  all(): Promise<(stores.KnownStore & { location: string; store: string })[]> {
    return this.transactions.read((manager) => stores.knownStores(manager));
  }

  record(locationId: string, store: string, capabilities: StoreCapabilities): Promise<void> {
    return this.transactions.write((manager) => stores.recordStore(manager, locationId, store, capabilities));
  }

  /** Notes what a store refused although it was found to do it: it is probed anew before it is used again. */
  contradicted(locationId: string, by: string): Promise<void> {
    return this.transactions.write((manager) => stores.recordContradiction(manager, locationId, by));
  }
}
