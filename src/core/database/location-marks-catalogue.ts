import * as marks from './catalogue/location-marks.js';
import type { Transactions } from './transactions.js';

/** Which disks carry the marker of their location. Throws as {@link Catalogue} does. */
export class LocationMarksCatalogue {
  constructor(private readonly transactions: Transactions) {}

  of(locationId: string): Promise<marks.LocationMark> {
    return this.transactions.read((manager) => marks.locationMark(manager, locationId));
  }

  /** From now on the marker must be there. */
  record(locationId: string): Promise<void> {
    return this.transactions.write((manager) => marks.recordMarked(manager, locationId));
  }
}
